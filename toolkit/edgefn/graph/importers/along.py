"""Elements that indices of the run name along the last dimension, each row by its own."""

from math import prod

import numpy as np

from edgefn.graph.importers.call import Call
from edgefn.graph.ir import Tensor
from edgefn.graph.ops import Binary, Gather, Reshape

__all__ = ["taken_along"]


def taken_along(call: Call, x: Tensor, index: Tensor) -> str:
    """Emit what takes `x[..., index[...]]`; `index` i32 `[..., k]`, of the same rows as `x` `[..., n]`, below n."""
    rows, n = prod(x.shape[:-1]), x.shape[-1]
    if rows > 1:
        begins = np.arange(rows, dtype=np.int32).reshape(*x.shape[:-1], 1) * np.int32(n)
        offsets = call.scope.constant(f"{index.name}.rows", begins)
        index = call.scope.tensor(call.moved(Binary("add"), index, index.shape, offsets))
    flat = call.scope.tensor(call.moved(Reshape(), x, (x.size,)))
    return call.moved(Gather(0), flat, index.shape, index.name)
