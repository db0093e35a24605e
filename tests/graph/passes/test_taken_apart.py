"""What exporters take apart is put together again, and computes the same."""

import numpy as np
import pytest

F = np.float32
SHAPE = (2, 3, 20)


def number(m, value):
    return m.constant(np.array([value], F))


def mean(m, x, axes=(-1,)):
    return m.node("ReduceMean", x, m.constant(np.array(axes)), keepdims=1)


def over_root(m, d, variance, form):
    """d / sqrt(variance) as one exporter or another writes it."""
    root = m.node("Sqrt", variance)
    match form:
        case "div":
            return m.node("Div", d, root)
        case "reciprocal":
            return m.node("Mul", m.node("Reciprocal", root), d)
        case "one":
            return m.node("Mul", d, m.node("Div", number(m, 1), root))
    return m.node("Mul", d, m.node("Pow", variance, number(m, -0.5)))


@pytest.mark.parametrize("form", ["div", "reciprocal", "one"])
@pytest.mark.parametrize("square", ["Pow", "Mul"])
@pytest.mark.parametrize("centred", [True, False])
def test_a_layer_normalization_is_one_op(model, check, form, square, centred):
    m = model()
    x = m.input("x", SHAPE)
    d = m.node("Sub", x, mean(m, x)) if centred else x
    power = m.node("Pow", d, number(m, 2)) if square == "Pow" else m.node("Mul", d, d)
    y = over_root(m, d, m.node("Add", mean(m, power), number(m, 1e-6)), form)
    scaled = m.node("Mul", y, m.random(20))
    m.output(m.node("Add", m.random(1, 20), scaled))
    result = check(m)
    assert result.ops == ["layer_norm_f32"]
    assert result.plan.ops[0]["centred"] == int(centred)


def test_rows_of_several_dimensions_and_a_scale_for_all_are_one_op(model, check):
    m = model(opset=18)
    x = m.input("x", SHAPE)
    d = m.node("Sub", x, mean(m, x, (1, 2)))
    variance = mean(m, m.node("Mul", d, d), (-1, -2))
    y = over_root(m, d, m.node("Add", number(m, 1e-6), variance), "div")
    m.output(m.node("Mul", number(m, 3), y))
    assert check(m).ops == ["layer_norm_f32"]


@pytest.mark.parametrize(
    "change", ["another axis", "a power of 3", "another difference", "a scale for each row", "not the last axis"]
)
def test_what_only_looks_like_one_is_left_alone(model, check, change):
    m = model()
    x = m.input("x", SHAPE)
    axes = (1,) if change == "not the last axis" else (-1,)
    d = m.node("Sub", x, mean(m, x, axes))
    of = m.node("Sub", x, number(m, 1)) if change == "another difference" else d
    power = m.node("Pow", of, number(m, 3 if change == "a power of 3" else 2))
    variance = mean(m, power, (0,) if change == "another axis" else axes)
    y = over_root(m, d, m.node("Add", variance, number(m, 1e-3)), "div")
    m.output(m.node("Mul", y, m.random(3, 1)) if change == "a scale for each row" else y)
    assert ("layer_norm_f32" in check(m).ops) == (change == "a scale for each row")


@pytest.mark.parametrize("order", ["half last", "half first", "half inside"])
@pytest.mark.parametrize("divided", [True, False])
def test_a_gelu_is_one_function(model, check, order, divided):
    m = model()
    x, half = m.node("Sin", m.input("x", SHAPE)), number(m, 0.5)
    part = m.node("Div", x, number(m, 2**0.5)) if divided else m.node("Mul", number(m, 0.5**0.5), x)
    one_more = m.node("Add", m.node("Erf", part), number(m, 1))
    match order:
        case "half last":
            y = m.node("Mul", m.node("Mul", x, one_more), half)
        case "half first":
            y = m.node("Mul", m.node("Mul", half, x), one_more)
        case _:
            y = m.node("Mul", x, m.node("Mul", one_more, half))
    m.output(y)
    assert check(m).ops == ["unary_f32", "unary_f32"]


def test_the_erf_of_something_else_stays(model, check):
    m = model()
    x, other = m.input("x", SHAPE), m.input("z", SHAPE)
    erf = m.node("Erf", m.node("Div", other, number(m, 2**0.5)))
    m.output(m.node("Mul", m.node("Mul", x, m.node("Add", erf, number(m, 1))), number(m, 0.5)))
    assert len(check(m).ops) > 2


def tanh_gelu(m, x, form):
    """The approximation by tanh as one framework or another writes it."""
    slope, cubic, half = (number(m, v) for v in (0.7978846, 0.044715, 0.5))
    if form == "pow":  # PyTorch, GPT-2
        cube = m.node("Mul", cubic, m.node("Pow", x, number(m, 3)))
    elif form == "products":  # JAX
        cube = m.node("Mul", m.node("Mul", m.node("Mul", x, x), x), cubic)
    else:  # x * (1 + c * x^2)
        cube = m.node("Mul", cubic, m.node("Mul", x, x))
    inner = m.node("Mul", x, m.node("Add", cube, number(m, 1))) if form == "factored" else m.node("Add", x, cube)
    t = m.node("Tanh", m.node("Mul", inner, slope))
    if form == "products":
        return m.node("Mul", x, m.node("Mul", m.node("Add", number(m, 1), t), half))
    return m.node("Mul", m.node("Mul", half, x), m.node("Add", t, number(m, 1)))


@pytest.mark.parametrize("form", ["pow", "products", "factored"])
def test_a_gelu_by_tanh_is_one_function(model, check, form):
    m = model()
    m.output(tanh_gelu(m, m.node("Abs", m.input("x", SHAPE)), form))
    result = check(m)
    assert result.ops == ["unary_f32", "unary_f32"]
    assert [op["function"] for op in result.plan.ops] == [0, 15]


def test_another_function_of_tanh_is_left_alone(model, check):
    m = model()
    x = m.input("x", SHAPE)
    t = m.node("Tanh", m.node("Mul", x, number(m, 0.8)))
    m.output(m.node("Mul", m.node("Mul", x, number(m, 0.5)), m.node("Add", t, number(m, 1))))
    assert "binary" in check(m).ops
