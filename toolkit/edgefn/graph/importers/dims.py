"""Dimensions that a model leaves open, and the sizes they get when it is compiled.

An open dimension goes by the model's own name for it, or by `INPUT.AXIS`. The batch, which is what an input's first
dimension usually is, may stay unsaid: it is 1.
"""

from collections.abc import Mapping, Sequence

from edgefn.errors import ModelError, UsageError
from edgefn.graph.importers.bounds import MAX_DIM
from edgefn.graph.importers.source import SourcePort

__all__ = ["Sizes", "leaves_batch_open", "resolve_dims", "sizes_of"]

type Sizes = Mapping[str, int]


def resolve_dims(inputs: Sequence[SourcePort], sizes: Sizes) -> tuple[tuple[int, ...], ...]:
    """The shape of every input under `sizes`.

    Raises UsageError EFN-U043 for a size that fits no open dimension or is out of range, ModelError EFN-M007 for an
    open dimension without a size.
    """
    batch = {port.shape[0] for port in inputs if port.shape and port.shape[0] != "?"}
    known = {name: 1 for name in batch if isinstance(name, str)} | dict(sizes)
    names = {name for port in inputs for axis in range(len(port.shape)) for name in _names(port, axis)}
    for name, size in sizes.items():
        if name not in names:
            raise _unknown(name, inputs)
        if not 0 < size <= MAX_DIM:
            message = f"dimension {name} is given the size {size}"
            raise UsageError("EFN-U043", message, hint=f"give it a size from 1 to {MAX_DIM:,}")
    return tuple(tuple(_size(port, axis, known) for axis in range(len(port.shape))) for port in inputs)


def leaves_batch_open(inputs: Sequence[SourcePort], outputs: Sequence[SourcePort], sizes: Sizes) -> bool:
    """Whether every input and output is a number of items, in its first dimension, that `sizes` do not say.

    No other dimension of an input may go by the name that the first one of an output has: that counts something else.
    """
    ports = (*inputs, *outputs)
    if not all(port.shape and isinstance(port.shape[0], str) for port in ports):
        return False
    batch = {port.shape[0] for port in inputs}
    others = {dim for port in inputs for dim in port.shape[1:]}
    said = any(name in sizes for port in inputs for name in _names(port, 0))
    return len(batch) == 1 and not said and not others & {port.shape[0] for port in ports}


def sizes_of(inputs: Sequence[SourcePort], shapes: Mapping[str, tuple[int, ...]], said: Sizes) -> dict[str, int]:
    """`said`; where it is silent, sizes under which the inputs in `shapes`, by name or number, have these shapes.

    A batch of 1 stays unsaid.
    """
    return dict(said) | {
        f"{port.name}.{axis}": size
        for number, port in enumerate(inputs)
        for axis, size in enumerate(shapes.get(port.name, shapes.get(str(number), ())))
        if axis < len(port.shape) and isinstance(port.shape[axis], str) and (axis, size) != (0, 1)
        if not any(name in said for name in _names(port, axis))
    }


def _names(port: SourcePort, axis: int) -> tuple[str, ...]:
    """What an open dimension may be called."""
    dim = port.shape[axis]
    if not isinstance(dim, str):
        return ()
    place = f"{port.name}.{axis}"
    return (place,) if dim == "?" else (place, dim)


def _size(port: SourcePort, axis: int, known: Sizes) -> int:
    dim = port.shape[axis]
    if isinstance(dim, int):
        return dim
    for name in _names(port, axis):
        if name in known:
            return known[name]
    if axis == 0:
        return 1
    name = _names(port, axis)[-1]
    message = f"input {port.name!r} leaves dimension {axis} ({dim}) open"
    raise ModelError("EFN-M007", message, hint=f"give it a size: --dim {name}=128")


def _unknown(name: str, inputs: Sequence[SourcePort]) -> UsageError:
    open_ = dict.fromkeys(
        _names(port, axis)[-1] for port in inputs for axis in range(len(port.shape)) if _names(port, axis)
    )
    hint = f"its open dimensions are: {', '.join(open_)}" if open_ else "all its dimensions are fixed: leave --dim away"
    return UsageError("EFN-U043", f"the model has no open dimension {name!r}", hint=hint)
