"""TFLite models of one operator, and what they compute."""

from dataclasses import dataclass

import numpy as np

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

__all__ = ["Given", "Gives", "computed", "operator"]

KINDS = {"float32": "FLOAT32", "int8": "INT8", "uint8": "UINT8", "int32": "INT32", "int64": "INT64", "bool": "BOOL"}
RUNTIME = {"int64": np.int32, "bool": np.uint8}


@dataclass(frozen=True)
class Given:
    """An input; `scale` and zero point where it is quantized."""

    array: np.ndarray
    scale: tuple[float, int] | None = None
    constant: bool = False


@dataclass(frozen=True)
class Gives:
    """What an output is declared as."""

    dtype: str
    shape: tuple[int, ...]
    scale: tuple[float, int] | None = None


def operator(writer, op, given, gives, options="", fields=None):
    """Write the operator; inputs that are not constant are the model's."""
    places = [_tensor(writer, f"i{k}", g, g.array.shape, g.array.dtype.name) for k, g in enumerate(given)]
    outputs = [_tensor(writer, f"o{k}", g, g.shape, g.dtype) for k, g in enumerate(gives)]
    writer.op(op, places, outputs, options, fields)
    writer.subgraph([p for p, g in zip(places, given, strict=True) if not g.constant], outputs)
    return writer


def _tensor(writer, name, port, shape, dtype):
    fields = {"Quantization": writer.quantization([port.scale[0]], [port.scale[1]])} if port.scale else {}
    constant = port.array if isinstance(port, Given) and port.constant else None
    return writer.tensor(name, shape, KINDS[dtype], constant, **fields)


def computed(plan: bytes, given) -> list[np.ndarray]:
    """The outputs, on which the oracle and the engine agree."""
    arrays = [g.array for g in given if not g.constant]
    fed = [np.ascontiguousarray(a, RUNTIME.get(a.dtype.name, a.dtype)) for a in arrays]
    wanted = evaluate(read_plan(plan), fed)
    for flavour in FLAVOURS:
        with Runner(plan, flavour) as runner:
            raw = runner.run(fed)
        found = [np.frombuffer(r, w.dtype).reshape(w.shape) for r, w in zip(raw, wanted, strict=True)]
        for one, other in zip(found, wanted, strict=True):
            if one.dtype == np.float32:
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
            else:
                np.testing.assert_array_equal(one, other)
    return found
