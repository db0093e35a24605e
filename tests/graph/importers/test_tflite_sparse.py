"""Sparse constants of TFLite files, against the dense arrays that they were made of; and nonsense, which is refused."""

from dataclasses import dataclass

import numpy as np
import pytest
import tflite

from edgefn.errors import ModelError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

KINDS = {np.dtype(np.int32): (1, "Int32Vector"), np.dtype(np.uint16): (2, "Uint16Vector"),
         np.dtype(np.uint8): (3, "Uint8Vector")}  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """A dense array as levels: sizes of dense ones, segments and indices of sparse ones; and the leaves."""

    order: tuple[int, ...]
    blocks: tuple[int, ...]
    levels: tuple[int | tuple[np.ndarray, np.ndarray], ...]
    values: np.ndarray


def rows_of(dense: np.ndarray) -> Tree:
    """`[n, m]` with a sparse second dimension."""
    rows, columns = np.nonzero(dense)
    segments = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    return Tree((0, 1), (), (len(dense), (segments, columns)), dense[rows, columns])


def blocks_of(dense: np.ndarray, size: int) -> Tree:
    """`[n, m]` of blocks of one row and `size` columns, of which those that are zero are left out."""
    blocks = dense.reshape(len(dense), -1, size)
    rows, columns = np.nonzero(blocks.any(axis=2))
    segments = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    return Tree((0, 1, 2), (1,), (len(dense), (segments, columns), size), blocks[rows, columns].ravel())


def written(writer, tree: Tree, dtype=np.int32) -> int:
    kind, name = KINDS[np.dtype(dtype)]
    metadata = []
    for level in tree.levels:
        if isinstance(level, int):
            metadata.append(writer.table("DimensionMetadata", DenseSize=level))
            continue
        parts = [writer.table(name, Values=part.astype(dtype)) for part in level]
        fields = {"Format": tflite.DimensionType.SPARSE_CSR, "ArraySegmentsType": kind, "ArraySegments": parts[0]}
        metadata.append(writer.table("DimensionMetadata", **fields, ArrayIndicesType=kind, ArrayIndices=parts[1]))
    order, blocks = (np.array(a, np.int32) for a in (tree.order, tree.blocks))
    return writer.table("SparsityParameters", TraversalOrder=order, BlockMap=blocks, DimMetadata=metadata)


def layer(writer, tree: Tree, shape, dtype=np.int32):
    """A dense layer whose weights are a sparse constant."""
    sparsity = written(writer, tree, dtype)
    x, y = writer.tensor("x", (1, shape[1])), writer.tensor("y", (1, shape[0]))
    w = writer.tensor("w", shape, constant=tree.values.astype(np.float32), Sparsity=sparsity)
    whole = writer.tensor("dense", shape)
    writer.op("DENSIFY", [w], [whole], "DensifyOptions")
    writer.op("FULLY_CONNECTED", [x, whole], [y], "FullyConnectedOptions")
    writer.subgraph([x], [y])
    return writer


def random(shape, size=1):
    rng = np.random.default_rng(3)
    kept = rng.random((shape[0], shape[1] // size)) < 0.4
    return (rng.normal(0, 1, shape) * np.repeat(kept, size, axis=1)).astype(np.float32)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("size", [1, 4])
def test_a_sparse_constant_is_the_dense_one(writer, compiled_tflite, size, dtype):
    dense, x = random((6, 8), size), np.arange(8, dtype=np.float32).reshape(1, 8)
    tree = rows_of(dense) if size == 1 else blocks_of(dense, size)
    plan = read_plan(compiled_tflite(layer(writer, tree, dense.shape, dtype)).plan)
    np.testing.assert_allclose(evaluate(plan, [x])[0], x @ dense.T, atol=1e-5)


DENSE = random((6, 8))
GOOD = rows_of(DENSE)
SEGMENTS, INDICES = GOOD.levels[1]


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (Tree((1, 0, 2), (), GOOD.levels, GOOD.values), "traversed in the order"),
        (Tree((0, 0), (), GOOD.levels, GOOD.values), "traversed in the order"),
        (Tree((0, 1), (), GOOD.levels[:1], GOOD.values), "traversed in the order"),
        (Tree((0, 1, 2), (7,), (*GOOD.levels, 1), GOOD.values), "traversed in the order"),
        (Tree((0, 1), (), GOOD.levels, GOOD.values[:-1]), "values at"),
        (Tree((0, 1), (), (6, (SEGMENTS[:-1], INDICES)), GOOD.values), "segments of"),
        (Tree((0, 1), (), (6, (SEGMENTS[::-1], INDICES)), GOOD.values), "segments of"),
        (Tree((0, 1), (), (6, (SEGMENTS, INDICES + 1)), GOOD.values), "values at"),
        (Tree((0, 1), (), (6, (SEGMENTS, INDICES - 9)), GOOD.values), "values at"),
        (Tree((0, 1), (), (2**31 - 1, 8), GOOD.values), "nodes of at most"),
        (Tree((0, 1), (), (-6, 8), GOOD.values), "nodes of at most"),
    ],
)
def test_nonsense_is_malformed(writer, compiled_tflite, tree, said):
    with pytest.raises(ModelError, match=said) as error:
        compiled_tflite(layer(writer, tree, DENSE.shape))
    assert error.value.code == "EFN-M006"


def test_a_small_file_does_not_become_a_large_array(writer, compiled_tflite):
    tree = Tree((0, 1), (), (8000, (np.zeros(8001), np.zeros(0))), np.zeros(0))
    with pytest.raises(ModelError, match="says more than") as error:
        compiled_tflite(layer(writer, tree, (8000, 8000)))
    assert error.value.code == "EFN-M008"


def test_a_constant_of_zeros_only_has_no_values(writer, compiled_tflite):
    tree = Tree((0, 1), (), (6, (np.zeros(7), np.zeros(0))), np.zeros(0))
    plan = read_plan(compiled_tflite(layer(writer, tree, (6, 8))).plan)
    assert not evaluate(plan, [np.ones((1, 8), np.float32)])[0].any()
