"""Inputs for a model, and what it should answer, from an .npz file."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UsageError
from edgefn.graph.records import Plan

__all__ = ["Case", "load_cases"]

type Array = NDArray[Any]

MAX_FILE_BYTES = 1 << 30
MAX_CASES = 10_000
_DTYPES = {"f32": np.float32, "i8": np.int8, "u8": np.uint8, "i32": np.int32}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One input a port, in their order; `wanted` has what is known of the outputs, None for the others."""

    inputs: tuple[Array, ...]
    wanted: tuple[Array | None, ...]


def load_cases(path: Path, plan: Plan) -> tuple[Case, ...]:
    """Read cases for a plan: arrays named as its inputs, or many as `in/0/NAME`, and what is known as `out/0/NAME`.

    NAME may be the number of the port instead. Raises UsageError: EFN-U040 when the file cannot be read, EFN-U041 when
    an input is missing, EFN-U042 when one has another type or shape.
    """
    arrays = _read(path)
    cases = []
    for number in range(MAX_CASES):
        prefix = f"in/{number}/"
        if number > 0 and not any(key.startswith(prefix) for key in arrays):
            break
        many = any(key.startswith(prefix) for key in arrays)
        cases.append(_case(path, plan, arrays, prefix if many else "", f"out/{number}/"))
    return tuple(cases)


def _read(path: Path) -> Mapping[str, Array]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _unreadable(path, f"it has more than {MAX_FILE_BYTES:,} bytes")
        file = np.load(path, allow_pickle=False)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, str(error)) from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise _unreadable(path, "it holds one array without a name")
    return file


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError("EFN-U040", f"inputs {path} cannot be read: {reason}", hint="write them with: numpy.savez")


def _case(path: Path, plan: Plan, arrays: Mapping[str, Array], into: str, out: str) -> Case:
    inputs = []
    for index, (number, port) in enumerate(zip(plan.inputs, plan.meta["inputs"], strict=True)):
        array = _find(path, arrays, into, port["name"], index)
        if array is None:
            there = ", ".join(sorted(arrays)[:20]) or "nothing"
            message = f"{path} has no {into}{port['name']} for input {index} (there are: {there})"
            raise UsageError("EFN-U041", message, hint=f"name the array {into}{port['name']}")
        tensor = plan.tensors[number]
        if array.dtype != _DTYPES[tensor.dtype] or array.shape != tensor.dims:
            message = (
                f"{path}: {port['name']} is {array.dtype} {array.shape}, the model takes {tensor.dtype} {tensor.dims}"
            )
            raise UsageError("EFN-U042", message, hint="give the array the model's type and shape")
        inputs.append(np.ascontiguousarray(array))
    wanted = (_find(path, arrays, out, port["name"], index) for index, port in enumerate(plan.meta["outputs"]))
    return Case(tuple(inputs), tuple(wanted))


def _find(path: Path, arrays: Mapping[str, Array], prefix: str, name: str, index: int) -> Array | None:
    for key in (f"{prefix}{name}", f"{prefix}{index}"):
        if key in arrays:
            try:
                return arrays[key]
            except (ValueError, EOFError, zipfile.BadZipFile) as error:  # an array is read when it is asked for
                raise _unreadable(path, f"{key}: {error}") from None
    return None
