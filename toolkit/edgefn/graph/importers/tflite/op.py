"""Operators of a TFLite file, with their options by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.tflite.flatbuffer import Flatbuffer, Table
from edgefn.graph.importers.tflite.schema import BUILTIN_OPERATORS, CUSTOM, OPTIONS, CodeSlot, Field, OperatorSlot

__all__ = ["TfliteCode", "TfliteOp", "read_code", "read_indices", "read_op"]

MAX_PORTS = 1_024

# A table without fields, eight bytes in all: what the options of an operator are read from when a file leaves them out.
_NOTHING = Table(Flatbuffer(b"\4\0\4\0\4\0\0\0", Path()), 4)


@dataclass(frozen=True, slots=True)
class TfliteCode:
    """What an operator is: a builtin's name (BUILTIN_231 when schema.py does not know it), or a custom operator's code.

    A custom code never equals the name of a builtin.
    """

    op: str
    version: int
    custom: bool = False


@dataclass(frozen=True, slots=True)
class TfliteOp:
    """An operator; inputs, outputs and intermediates are indices of tensors, -1 for an optional one that is left out.

    `options` has every field of the operator's table, those that the file leaves out by their default, and is empty for
    operators that schema.py does not list; a custom operator has the one option `custom_options`, as bytes.
    Intermediates are no values: they hold the quantization of what an int8 LSTM computes inside.
    """

    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    options: dict[str, Any]


def read_code(table: Table) -> TfliteCode:
    """Read a table OperatorCode. Raises ModelError EFN-M004 or EFN-M006."""
    # Codes up to 127 lie in a byte, in old files only there; later ones in a field of their own.
    code = max(table.scalar(CodeSlot.DEPRECATED_BUILTIN_CODE, "b"), table.scalar(CodeSlot.BUILTIN_CODE, "i"))
    version = table.scalar(CodeSlot.VERSION, "i", 1)
    if code == CUSTOM:
        name = table.text(CodeSlot.CUSTOM_CODE)
        if not name or name in BUILTIN_OPERATORS:
            raise table.file.malformed(f"a custom operator is named {name!r}")
        return TfliteCode(name, version, custom=True)
    if code < 0:
        raise table.file.malformed(f"an operator has the code {code:,}")
    return TfliteCode(BUILTIN_OPERATORS[code] if code < len(BUILTIN_OPERATORS) else f"BUILTIN_{code}", version)


def read_op(table: Table, label: str, codes: list[TfliteCode], tensors: int) -> TfliteOp:
    """Read a table Operator of a subgraph with so many tensors. Raises ModelError EFN-M004, EFN-M006 or EFN-M008."""
    index = table.scalar(OperatorSlot.OPCODE_INDEX, "I")
    if index >= len(codes):
        raise table.file.malformed(f"{label} has the operator code {index:,} of {len(codes):,}")
    code, allowed = codes[index], range(-1, tensors)
    label = f"{label} ({code.op})"
    inputs, outputs, intermediates = (
        read_indices(table, slot, label, allowed)
        for slot in (OperatorSlot.INPUTS, OperatorSlot.OUTPUTS, OperatorSlot.INTERMEDIATES)
    )
    return TfliteOp(code.op, code.version, inputs, outputs, intermediates, _options(table, code, label))


def read_indices(table: Table, slot: int, label: str, allowed: range) -> tuple[int, ...]:
    """Read a vector of indices of tensors. Raises ModelError EFN-M006 for one that is not allowed, and EFN-M008."""
    indices = table.numbers(slot, label, MAX_PORTS)
    for index in indices:
        if index not in allowed:
            raise table.file.malformed(f"{label} names tensor {index:,} of {allowed.stop:,}")
    return indices


def _options(table: Table, code: TfliteCode, label: str) -> dict[str, Any]:
    if code.custom:
        data = table.blob(
            OperatorSlot.CUSTOM_OPTIONS,
            OperatorSlot.LARGE_CUSTOM_OPTIONS_OFFSET,
            OperatorSlot.LARGE_CUSTOM_OPTIONS_SIZE,
        )
        table.file.charge(data.size)
        return {"custom_options": data.tobytes()}
    known = OPTIONS.get(code.op)
    if known is None:
        return {}
    member = table.scalar(OperatorSlot.BUILTIN_OPTIONS_TYPE, "B")
    if member not in {0, known.member}:
        raise table.file.malformed(f"{label} has the options {member} of another operator, not {known.member}")
    fields = table.table(OperatorSlot.BUILTIN_OPTIONS) if member else None
    return {name: _value(fields or _NOTHING, slot, field, f"{label}: {name}") for name, slot, field in known.fields}


def _value(table: Table, slot: int, field: Field, label: str) -> Any:  # noqa: ANN401 -- as the field says
    if field.kind == "numbers":
        return table.numbers(slot, label, MAX_RANK)
    if field.kind == "text":
        return table.text(slot)
    value = table.scalar(slot, field.kind, field.default)
    if not field.names:
        return value
    if not 0 <= value < len(field.names):
        raise table.file.malformed(f"{label} is {value}, which its enum does not have")
    return field.names[value]
