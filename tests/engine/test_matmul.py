"""matmul: SIMD, reference and numpy agree, however the matrices lie in their tensors; what does not fit is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import plans
from .cornered import Cornered
from .flavours import hold
from .plans import Matrices

F = np.float32
SEEDS = st.integers(0, 2**32 - 1)
SMALL = st.integers(1, 4)


def product(a, b, scale):
    """`[..., m, k]` by `[..., k, n]`, added in the order of k."""
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), F)
    for k in range(a.shape[-1]):
        total = total + a[..., k, None] * b[..., k, None, :]
    return total * F(scale)


def place(view: np.ndarray, batch) -> Matrices:
    """The strides of a view, `[..., rows, columns]`, under `batch` axes."""
    *leading, row, column = (s // 4 for s in view.strides)
    broadcast = [0 if n == 1 else s for n, s in zip(view.shape, leading)]
    steps = (*[0] * (4 - len(broadcast)), *broadcast)
    return Matrices(steps, row if view.shape[-2] > 1 else 0, column if view.shape[-1] > 1 else 0)


def run(a, b, view_a, view_b, y_axes, scale):
    """Hold the product of views of a and b, its axes `y_axes` stored in that order."""
    wanted = product(view_a, view_b, scale)
    batch, (m, n), k = wanted.shape[:-2], wanted.shape[-2:], view_a.shape[-1]
    stored = np.ascontiguousarray(wanted.transpose(y_axes))
    of_y = place(stored.transpose(np.argsort(y_axes)), batch)
    sizes = (*[1] * (4 - len(batch)), *batch)
    places = (place(view_a, batch), place(view_b, batch), of_y)
    plan = plans.matmul(a, b, sizes, (m, n, k), places, stored.shape, scale)
    hold(plan, [a, b], stored, scale=4 * np.sqrt(k))


@settings(max_examples=60, deadline=None)
@given(
    batch=st.tuples(SMALL, SMALL),
    shape=st.tuples(st.integers(1, 11), st.integers(1, 19), st.integers(1, 13)),
    shared=st.sampled_from(["", "a", "b"]),
    order=st.tuples(st.permutations(range(4)), st.permutations(range(4))),
    y_axes=st.permutations(range(3)),
    scale=st.sampled_from([1.0, 0.17677669]),
    seed=SEEDS,
)
def test_matrices_that_lie_in_any_order_are_multiplied(batch, shape, shared, order, y_axes, scale, seed):
    rng, (m, n, k) = np.random.default_rng(seed), shape
    logical = {"a": (*batch, m, k), "b": (*batch, k, n)}
    if shared:
        logical[shared] = (1, 1, *logical[shared][2:])
    tensors, views = [], []
    for name, axes in zip("ab", order):
        stored = rng.standard_normal([logical[name][i] for i in axes]).astype(F)
        tensors.append(stored)
        views.append(stored.transpose(np.argsort(axes)))
    run(*tensors, *views, (*y_axes, 3), scale)


@pytest.mark.parametrize("shape", [(1, 40, 33), (97, 16, 24), (200, 9, 7), (5, 1, 64), (4, 8, 1)])
def test_matrices_of_several_blocks_are_multiplied(shape):
    rng, (m, n, k) = np.random.default_rng(sum(shape)), shape
    a, b = rng.standard_normal((m, k)).astype(F), rng.standard_normal((k, n)).astype(F)
    run(a, b, a, b, (0, 1), 1.0)


CLOSE = Matrices((0, 0, 0, 12), 4, 1)


@pytest.mark.parametrize(
    ("places", "dims", "status"),
    [
        ((CLOSE, CLOSE, CLOSE), (2, 3, 4), 0),
        ((Matrices((0, 0, 0, 12), 4, 1, first=1), CLOSE, CLOSE), (2, 3, 4), 11),
        ((Matrices((0, 0, 0, 13), 4, 1), CLOSE, CLOSE), (2, 3, 4), 11),
        ((CLOSE, Matrices((0, 0, 0, 16), 4, 2), CLOSE), (2, 3, 4), 11),
        ((CLOSE, Matrices((0, 0, 0, 2**31), 4, 1), CLOSE), (2, 3, 4), 12),
        ((CLOSE, CLOSE, Matrices((0, 0, 0, 12), 5, 1)), (2, 3, 4), 11),
        ((CLOSE, CLOSE, Matrices((0, 0, 0, 0), 4, 1)), (2, 3, 4), 11),
        ((CLOSE, CLOSE, CLOSE), (2, 3, 5), 11),
    ],
)
def test_what_reads_behind_its_operand_or_leaves_gaps_is_refused(places, dims, status):
    a, b = np.ones((2, 3, 4), F), np.ones((2, 4, 4), F)
    places = (places[0], Matrices((0, 0, 0, 16), 4, 1) if places[1] is CLOSE else places[1], places[2])
    assert Cornered(plans.matmul(a, b, (1, 1, 1, 2), (3, 4, 4), places, dims)).status == status
