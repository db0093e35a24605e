"""numpy's broadcasting, as plans have it: operands of smaller shapes that repeat over the shape of y."""

from edgefn.graph.records import PlanTensor
from edgefn.graph.view import View

__all__ = ["check_broadcast"]


def check_broadcast(v: View, *operands: str) -> None:
    """Need these operands to be whole and to broadcast to the shape of y."""
    y = v.tensor["y"]
    for name in operands:
        v.need(_fits(v.tensor[name], y), f"{name} {v.tensor[name].dims} does not broadcast to {y.dims}")
    v.whole(*operands)


def _fits(x: PlanTensor, y: PlanTensor) -> bool:
    inner = y.dims[len(y.dims) - len(x.dims) :]
    return len(x.dims) <= len(y.dims) and all(d in {1, n} for d, n in zip(x.dims, inner, strict=True))
