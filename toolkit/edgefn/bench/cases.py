"""Inputs for a model, and what it should answer, from an .npz file."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UsageError
from edgefn.graph.records import Plan, PlanTensor

__all__ = ["Case", "load_cases"]

type Array = NDArray[Any]

MAX_BYTES = 1 << 30
MAX_CASES = 10_000
# What numpy and zipfile raise on archives that are damaged, encrypted, or compressed in an unknown way.
_DAMAGED = (ValueError, EOFError, RuntimeError, NotImplementedError, MemoryError, zlib.error)
_DTYPES = {"f32": np.float32, "i8": np.int8, "u8": np.uint8, "i32": np.int32}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One input a port, in their order; `wanted` has what is known of the outputs, None for the others."""

    inputs: tuple[Array, ...]
    wanted: tuple[Array | None, ...]


def load_cases(path: Path, plan: Plan) -> tuple[Case, ...]:
    """Read cases for a plan: arrays named as its inputs, or many as `in/0/NAME`, and what is known as `out/0/NAME`.

    NAME may be the number of the port instead. Raises UsageError: EFN-U040 when the file cannot be read, EFN-U041 when
    an input is missing, EFN-U042 when an array has another type or shape.
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
        with zipfile.ZipFile(path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
        if total > MAX_BYTES:
            raise _unreadable(path, f"it unpacks to {total:,} bytes, at most {MAX_BYTES:,} are taken")
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except zipfile.BadZipFile:
        raise _unreadable(path, "it is not an .npz file, or damaged") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    except _DAMAGED as error:
        raise _unreadable(path, str(error)) from None


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError("EFN-U040", f"inputs {path} cannot be read: {reason}", hint="write them with: numpy.savez")


def _case(path: Path, plan: Plan, arrays: Mapping[str, Array], into: str, out: str) -> Case:
    inputs = []
    for index, (number, port) in enumerate(zip(plan.inputs, plan.meta["inputs"], strict=True)):
        array = _find(arrays, into, port["name"], index)
        if array is None:
            there = ", ".join(sorted(arrays)[:20]) or "nothing"
            message = f"{path} has no {into}{port['name']} for input {index} (there are: {there})"
            raise UsageError("EFN-U041", message, hint=f"name the array {into}{port['name']}")
        _check(path, port["name"], array, plan.tensors[number])
        inputs.append(np.ascontiguousarray(array))
    wanted = []
    for index, (number, port) in enumerate(zip(plan.outputs, plan.meta["outputs"], strict=True)):
        array = _find(arrays, out, port["name"], index)
        if array is not None:
            _check(path, port["name"], array, plan.tensors[number])
        wanted.append(array)
    return Case(tuple(inputs), tuple(wanted))


def _find(arrays: Mapping[str, Array], prefix: str, name: str, index: int) -> Array | None:
    return next((arrays[key] for key in (f"{prefix}{name}", f"{prefix}{index}") if key in arrays), None)


def _check(path: Path, name: str, array: Array, tensor: PlanTensor) -> None:
    if array.dtype != _DTYPES[tensor.dtype] or array.shape != tensor.dims:
        message = f"{path}: {name} is {array.dtype} {array.shape}, in the model it is {tensor.dtype} {tensor.dims}"
        raise UsageError("EFN-U042", message, hint="give the array the model's type and shape")
