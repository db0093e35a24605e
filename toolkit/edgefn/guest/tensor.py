"""A typed, shaped view of bytes: all that a handler needs of an array library."""

from array import array
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

__all__ = ["Tensor"]

FORMATS = {"float32": "f", "int8": "b", "uint8": "B", "int32": "i"}


class Tensor:
    """A dense tensor in row-major order.

    `dtype` is one of float32, int8, uint8, int32. `data` is a buffer holding exactly the bytes of `shape` (kept, not
    copied), or an iterable
    of numbers in row-major order.

    Raises ValueError when the dtype is unknown or the data does not fill the shape.
    """

    __slots__ = ("data", "dtype", "shape")

    def __init__(
        self, dtype: str, shape: tuple[int, ...], data: "bytes | bytearray | memoryview | Iterable[float]"
    ) -> None:
        if dtype not in FORMATS:
            raise ValueError(f"unknown dtype {dtype!r}: use one of {', '.join(FORMATS)}")
        self.dtype = dtype
        self.shape = tuple(shape)
        self.data = _view(FORMATS[dtype], data)
        if len(self.data) != prod(self.shape):
            raise ValueError(
                f"shape {self.shape} needs {prod(self.shape)} elements of {dtype}, the data holds {len(self.data)}"
            )

    @classmethod
    def zeros(cls, dtype: str, shape: tuple[int, ...]) -> "Tensor":
        """A writable tensor of zeros."""
        size = array(FORMATS[dtype]).itemsize if dtype in FORMATS else 1
        return cls(dtype, shape, bytearray(prod(shape) * size))

    def __getitem__(self, index: "int | tuple[int, ...]") -> Any:  # noqa: ANN401 -- a number or a Tensor, as indexed
        """A number when every dimension is indexed, else the tensor of the remaining ones (a view)."""
        where = (index,) if isinstance(index, int) else index
        if len(where) > len(self.shape):
            raise IndexError(f"{len(where)} indices for a tensor of shape {self.shape}")
        start, rest = 0, self.shape[len(where) :]
        for axis, (i, n) in enumerate(zip(where, self.shape, strict=False)):
            if not -n <= i < n:
                raise IndexError(f"index {i} is outside dimension {axis} of size {n}")
            start = start * n + i % n
        if not rest:
            number: float = self.data[start]
            return number
        size = prod(rest)
        return Tensor(self.dtype, rest, self.data[start * size : (start + 1) * size].cast("B"))

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    def __iter__(self) -> "Iterator[float | Tensor]":
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Tensor({self.dtype!r}, {self.shape})"

    def reshape(self, *shape: int) -> "Tensor":
        """The same elements under another shape."""
        return Tensor(self.dtype, shape, self.data.cast("B"))

    def argmax(self) -> int:
        """Index of the first largest element, counted in row-major order."""
        values = self.data.tolist()
        return values.index(max(values))

    def tolist(self) -> list[float]:
        """All elements in row-major order."""
        return list(self.data)

    def tobytes(self) -> bytes:
        """The elements as little-endian bytes."""
        return self.data.tobytes()


def _view(code: str, data: "bytes | bytearray | memoryview | Iterable[float]") -> "memoryview[Any]":
    if isinstance(data, bytes | bytearray | memoryview):
        return _cast(code, memoryview(data))
    if isinstance(data, array) and data.typecode == code:
        return memoryview(data)
    try:
        return memoryview(array(code, data if code == "f" else (int(value) for value in data)))
    except (TypeError, OverflowError) as error:
        raise ValueError(f"data cannot be stored as {code!r}: {error}") from None


def _cast(code: str, raw: "memoryview[Any]") -> "memoryview[Any]":
    if raw.format == code:
        return raw
    itemsize = array(code).itemsize
    if raw.nbytes % itemsize:
        raise ValueError(f"{raw.nbytes} bytes are not a whole number of elements of {itemsize} bytes")
    number: Any = raw.cast("B")  # typeshed knows the formats as literals only
    view: memoryview[Any] = number.cast(code)
    return view
