"""GATHER, EMBEDDING_LOOKUP and TOPK_V2."""

from edgefn.graph.importers.along import taken_along
from edgefn.graph.importers.spans import Span
from edgefn.graph.importers.tflite.parts import taken
from edgefn.graph.importers.tflite.scope import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Cast, Dequantize, Gather, TopK

__all__ = ["embedding_lookup", "gather", "top_k"]


def gather(call: Call) -> str:
    """Constant indices, or indices of the run."""
    x, indices = call.movable(0), _indices(call, 1)
    if call.option("batch_dims"):
        call.refuse(f"batch_dims {call.option('batch_dims')}")
    axis = call.axis(call.option("axis"), len(x.shape))
    if indices.constant is not None and not 0 <= indices.constant.min() <= indices.constant.max() < x.shape[axis]:
        call.malformed(f"indices from {indices.constant.min()} to {indices.constant.max()} of {x.shape[axis]} elements")
    if indices.constant is not None and not indices.shape:
        part = [Span(0, 1, d) for d in x.shape]
        part[axis] = Span(int(indices.constant), 1, 1)
        return call.reshape(taken(call, x, part), (*x.shape[:axis], *x.shape[axis + 1 :]))
    return call.moved(Gather(axis), x, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), indices.name)


def _indices(call: Call, index: int) -> Tensor:
    indices = call.value(index)
    if indices.dtype != "i32":
        call.malformed(f"indices of {indices.dtype}")
    return indices


def embedding_lookup(call: Call) -> str:
    """Rows of a constant table; of integers with one scale the rows become floats, not the table."""
    indices, table = _indices(call, 0), call.value(1)
    if not table.shape or len(indices.shape) != 1:
        call.malformed(f"indices {indices.shape} of a table {table.shape}")
    rows = call.moved(Gather(0), table, (*indices.shape, *table.shape[1:]), indices.name)
    if table.dtype == call.output.dtype:
        return rows
    if table.dtype != "i8" or table.quantization is None or not table.quantization.per_tensor:
        call.refuse(f"a table of {table.dtype} to {call.output.dtype}")
    return call.emit(Dequantize(), (rows,), call.scope.tensor(rows).shape)


def top_k(call: Call) -> tuple[str, str]:
    """Constant k, along the last dimension; values and indices, the best first."""
    x, k = call.movable(0), call.integers(1)
    if len(k) != 1 or not x.shape or not 0 < k[0] <= x.shape[-1]:
        call.malformed(f"the best {k} of {x.shape}")
    shape = (*x.shape[:-1], k[0])
    numbers = x.name
    if x.dtype not in {"f32", "i32"}:
        numbers = call.emit(Cast(), (numbers,), x.shape, Tensor(x.name, "i32", x.shape))
    index = call.emit(TopK(), (numbers,), shape, Tensor(call.label, "i32", shape))
    return taken_along(call, x, call.scope.tensor(index)), index
