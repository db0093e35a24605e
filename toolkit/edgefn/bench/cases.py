"""Inputs for a model, and what it should answer, from an .npz file."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefn.errors import UsageError
from edgefn.graph.batch import batch_of
from edgefn.graph.ir import NUMPY
from edgefn.graph.records import NUMPY_DTYPES, Plan, PlanTensor

__all__ = ["Archive", "Case", "load_cases"]

type Array = NDArray[Any]

MAX_BYTES = 1 << 30
MAX_CASES = 10_000
# What numpy and zipfile raise on archives that are damaged, encrypted, or compressed in an unknown way.
_DAMAGED = (ValueError, EOFError, RuntimeError, NotImplementedError, MemoryError, zlib.error)
_DECLARED: dict[str, np.dtype[Any]] = {name: NUMPY[name] for name in ("i64", "bool", "f16", "f64")}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One input a port, in their order; `wanted` has what is known of the outputs, None for the others."""

    inputs: tuple[Array, ...]
    wanted: tuple[Array | None, ...]

    def item(self, i: int) -> "Case":
        """The case of item `i` alone."""
        part = slice(i, i + 1)
        return Case(tuple(x[part] for x in self.inputs), tuple(None if x is None else x[part] for x in self.wanted))


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """The arrays of an .npz file: named as a model's inputs, or many as `in/0/NAME`, what is known as `out/0/NAME`.

    NAME may be the number of the port instead.
    """

    path: Path
    arrays: Mapping[str, Array]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the inputs of the first case, by NAME."""
        return {key.removeprefix("in/0/"): array.shape for key, array in self.arrays.items()}

    def cases(self, plan: Plan) -> tuple[Case, ...]:
        """The first case, and all others of the same shapes.

        One that holds several items, for a plan that can be given them, counts as as many.

        Raises UsageError: EFN-U041 when an input is missing, EFN-U042 when an array has another type or shape.
        """
        numbers = self._numbers()
        cases = self._items(plan, "in/0/" if "0" in numbers else "", "out/0/")
        shapes = [x.shape for x in cases[0].inputs]
        batch = batch_of(plan)
        for number in takewhile(numbers.__contains__, map(str, range(1, MAX_CASES))):
            into, out = f"in/{number}/", f"out/{number}/"
            found = [self._find(into, port["name"], i) for i, port in enumerate(plan.meta["inputs"])]
            if all(x is None or _fits(x.shape, shape, batch) for x, shape in zip(found, shapes, strict=True)):
                cases.extend(self._items(plan, into, out))
        return tuple(cases)

    def _numbers(self) -> set[str]:
        """Those of `in/NUMBER/...`."""
        parts = (key.split("/", 2) for key in self.arrays)
        return {number for into, number, _ in (p for p in parts if len(p) == 3) if into == "in"}

    def _items(self, plan: Plan, into: str, out: str) -> list[Case]:
        """A case, or as many as it holds items."""
        case = self._case(plan, into, out)
        if batch_of(plan) == 1:
            return [case]
        counts = {len(a) for a in (*case.inputs, *case.wanted) if a is not None}
        if len(counts) > 1:
            message = f"{self.path}: {into}... and {out}... hold {sorted(counts)} items"
            raise UsageError("EFN-U042", message, hint="give all arrays of a case as many")
        return [case.item(i) for i in range(*counts)]

    def _case(self, plan: Plan, into: str, out: str) -> Case:
        inputs, batch = [], batch_of(plan)
        for index, (number, port) in enumerate(zip(plan.inputs, plan.meta["inputs"], strict=True)):
            array = self._find(into, port["name"], index)
            if array is None:
                there = ", ".join(sorted(self.arrays)[:20]) or "nothing"
                message = f"{self.path} has no {into}{port['name']} for input {index} (there are: {there})"
                raise UsageError("EFN-U041", message, hint=f"name the array {into}{port['name']}")
            inputs.append(self._fitting(port, array, plan.tensors[number], batch))
        wanted = []
        for index, (number, port) in enumerate(zip(plan.outputs, plan.meta["outputs"], strict=True)):
            array = self._find(out, port["name"], index)
            wanted.append(None if array is None else self._fitting(port, array, plan.tensors[number], batch))
        return Case(tuple(inputs), tuple(wanted))

    def _find(self, prefix: str, name: str, index: int) -> Array | None:
        return next((self.arrays[key] for key in (f"{prefix}{name}", f"{prefix}{index}") if key in self.arrays), None)

    def _fitting(self, port: Mapping[str, Any], array: Array, tensor: PlanTensor, batch: int) -> Array:
        """`array` in the type of the plan's tensor; integers must be exact in it, reals are rounded.

        Strings become their places among the labels of the port.
        """
        if array.dtype.kind == "U" and "labels" in port:
            array = self._placed(port, array)
        name, wanted = port["name"], NUMPY_DTYPES[tensor.dtype]
        declared = _DECLARED.get(port.get("dtype", ""), wanted)
        if array.dtype not in {wanted, declared} or not _fits(array.shape, tensor.dims, batch):
            message = f"{self.path}: {name} is {array.dtype} {array.shape}, in the model {declared} {tensor.dims}"
            raise UsageError("EFN-U042", message, hint="give the array the model's type and shape")
        taken = np.asarray(array, wanted, order="C")
        if array.dtype.kind == "i" and not np.array_equal(taken, array):
            message = f"{self.path}: {name} reaches from {array.min()} to {array.max()}"
            raise UsageError("EFN-U042", message, hint="integers are computed in 32 bits: keep them within")
        return taken

    def _placed(self, port: Mapping[str, Any], array: Array) -> Array:
        places = {label: i for i, label in enumerate(port["labels"])}
        unknown = sorted(set(array.ravel().tolist()) - set(places))
        if unknown:
            message = f"{self.path}: {port['name']} says {unknown[0]!r}, which is none of the model's labels"
            raise UsageError("EFN-U042", message, hint=f"its labels are: {', '.join(list(places)[:20])}")
        return np.array([places[label] for label in array.ravel().tolist()], np.int32).reshape(array.shape)


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...], batch: int) -> bool:
    """Whether a tensor is of the wanted shape, or of one that holds several items."""
    return shape == wanted or (batch > 1 and (1, *shape[1:]) == wanted and 1 <= shape[0] <= batch)


def load_cases(path: Path) -> Archive:
    """Read an .npz file. Raises UsageError EFN-U040 when it cannot be read."""
    return Archive(path, _read(path))


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
