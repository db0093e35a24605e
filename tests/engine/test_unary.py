"""Functions of f32: near to f64 over every kind of float, and the same bits in every way they can run."""

import math

import numpy as np
import pytest

from edgefn.engine.standalone import Runner

from . import plans
from .flavours import hold

F = np.float32
NAMES = (
    *("abs", "neg", "sign", "floor", "ceil", "round", "sqrt", "rsqrt", "reciprocal", "exp", "log", "sigmoid", "tanh"),
    *("erf", "gelu", "gelu_tanh", "silu", "elu", "softplus", "softsign", "mish", "leaky_relu", "thresholded_relu"),
    *("hard_sigmoid", "hard_swish", "shrink", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh"),
    *("acosh", "atanh"),
)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 1e-39, 3e38, -3e38, 1.0, -1.0, 0.5, 2.5], F)
erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    return np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x)))


def floats() -> np.ndarray:
    """Some of every binary exponent and both signs, more where functions bend, and what is special."""
    rng = np.random.default_rng(5)
    spread = np.ldexp(1 + rng.random(6000), rng.integers(-149, 128, 6000))
    near = rng.uniform(-1, 1, (3, 6000)) * [[1], [12], [110]]
    return np.concatenate([spread, -spread, near.ravel(), SPECIAL.astype(np.float64)]).astype(F)


def run(name: str, x: np.ndarray, alpha: float = 0.0, beta: float = 0.0) -> np.ndarray:
    """The function by the engine, after holding all ways to each other."""
    plan = plans.unary(30, x, "float32", x.shape, NAMES.index(name), F(alpha), F(beta), in_place=bool(len(name) % 2))
    with Runner(plan) as runner:
        (data,) = runner.run([x])
    y = np.frombuffer(data, F)
    hold(plan, [x], y)
    return y


def worst(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest relative error. In denormals a step counts as one of the least normal number."""
    special = ~np.isfinite(wanted.astype(F))
    np.testing.assert_array_equal(got[special], wanted[special].astype(F))
    error = np.abs(got[~special].astype(np.float64) - wanted[~special])
    return float((error / np.maximum(np.abs(wanted[~special]), np.finfo(F).smallest_normal)).max())


EXACT = {
    "abs": np.abs,
    "neg": lambda x: -x,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sqrt": np.sqrt,
    "reciprocal": lambda x: F(1) / x,
    "rsqrt": lambda x: F(1) / np.sqrt(x),
    "softsign": lambda x: x / (F(1) + np.abs(x)),
}
NEAR = {
    "exp": (np.exp, 1.2e-7),
    "log": (np.log, 1.2e-7),
    "sigmoid": (sigmoid, 2.5e-7),
    "tanh": (np.tanh, 2.5e-7),
    "erf": (erf, 2.5e-7),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 2.5e-7),
    **{name: (getattr(np, name), 1e-7) for name in ("sin", "cos", "tan", "sinh", "cosh")},
    **{name: (getattr(np, f"arc{name[1:]}"), 1e-7) for name in NAMES if name[0] == "a" and name != "abs"},
}


@pytest.mark.parametrize("name", EXACT)
def test_what_is_one_or_two_operations_is_exact(name):
    x = floats()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(name, x), EXACT[name](x))


@pytest.mark.parametrize("name", NEAR)
def test_functions_are_near_to_f64_over_every_kind_of_float(name):
    function, bound = NEAR[name]
    x = floats()
    with np.errstate(all="ignore"):
        assert worst(run(name, x), function(x.astype(np.float64))) < bound


def test_activations_of_several_functions_are_within_a_few_steps_of_the_largest_part():
    x = floats()
    x = x[np.abs(x) < 1e30]
    wide = x.astype(np.float64)
    cube = math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)
    with np.errstate(all="ignore"):
        for name, wanted, parameters in (
            ("gelu", wide / 2 * (1 + erf(wide * math.sqrt(0.5))), ()),
            ("gelu_tanh", wide / 2 * (1 + np.tanh(cube)), ()),
            ("silu", wide * sigmoid(F(1.702).astype(np.float64) * wide), (1.702,)),
            ("elu", np.where(wide > 0, 2 * wide, 1.5 * np.expm1(wide)), (1.5, 2)),
            ("mish", wide * np.tanh(np.log1p(np.exp(np.minimum(wide, 50)))), ()),
        ):
            error = np.abs(run(name, x, *parameters) - wanted) / np.maximum(np.abs(wide), 1e-30)
            assert error.max() < 4e-7, name


@pytest.mark.parametrize("n", range(1, 10))
def test_piecewise_linear_functions_are_exact_for_every_small_size(n):
    x = (np.arange(n) - n / 2).astype(F)
    x[0] = np.nan
    np.testing.assert_array_equal(run("leaky_relu", x, 0.125), np.where(x < 0, x / 8, x))
    np.testing.assert_array_equal(run("thresholded_relu", x, 1), np.where(x > 1, x, 0))
    np.testing.assert_array_equal(run("hard_sigmoid", x, 0.25, 0.5), np.clip(x / 4 + F(0.5), 0, 1))
    np.testing.assert_array_equal(run("hard_swish", x, 0.25, 0.5), np.clip(x / 4 + F(0.5), 0, 1) * x)
    shrunk = np.where(x < -1, x + F(0.5), np.where(x > 1, x - F(0.5), 0))
    np.testing.assert_array_equal(run("shrink", x, 1, 0.5), shrunk)


@pytest.mark.parametrize(("function", "alpha"), [(len(NAMES), 0.0), (2**32 - 1, 0.0), (21, np.inf), (21, np.nan)])
def test_a_function_or_parameter_that_is_none_is_refused(function, alpha):
    from .cornered import Cornered

    x = np.ones(4, F)
    assert Cornered(plans.unary(30, x, "float32", x.shape, function, F(alpha), 0.0)).status == 12
