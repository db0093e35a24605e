"""Weights in the order in which the engine reads them (docs/spec/plan.md, "Packed weights")."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "pack_depthwise",
    "pack_matrix_f32",
    "pack_matrix_i8",
    "pack_quads",
    "pack_vector",
    "packed_depthwise",
    "packed_matrix",
    "round_up",
    "unpack_depthwise",
    "unpack_matrix_f32",
    "unpack_matrix_i8",
    "unpack_quads",
]

type Array = NDArray[Any]

LANES = 8


def round_up(n: int, to: int) -> int:
    return -(-n // to) * to


def packed_matrix(dtype: str, *, m: int, k: int) -> int:
    """Bytes of packed weights `[M, K]`."""
    return round_up(m, LANES) * (k * 4 if dtype == "f32" else round_up(k, 2))


def packed_depthwise(dtype: str, *, taps: int, channels: int) -> int:
    """Bytes of packed weights `[taps, C]`."""
    return taps * round_up(channels, LANES) * (4 if dtype == "f32" else 1)


def pack_matrix_f32(w: Array) -> bytes:
    """`[M, K]` f32 as `[M/8][K][8]`."""
    m, k = w.shape
    full = np.zeros((round_up(m, LANES), k), np.float32)
    full[:m] = w
    return full.reshape(-1, LANES, k).transpose(0, 2, 1).tobytes()


def unpack_matrix_f32(data: bytes, m: int, k: int) -> Array:
    """`[M, K]` f32 of what `pack_matrix_f32` made."""
    blocks = np.frombuffer(data, "<f4").reshape(-1, k, LANES)
    return blocks.transpose(0, 2, 1).reshape(-1, k)[:m]


def pack_matrix_i8(w: Array) -> bytes:
    """`[M, K]` i8 as `[M/8][K2/2][8][2]`, K2 = K rounded up to 2."""
    m, k = w.shape
    full = np.zeros((round_up(m, LANES), round_up(k, 2)), np.int8)
    full[:m, :k] = w
    return full.reshape(-1, LANES, full.shape[1] // 2, 2).transpose(0, 2, 1, 3).tobytes()


def unpack_matrix_i8(data: bytes, m: int, k: int) -> Array:
    """`[M, K]` i8 of what `pack_matrix_i8` made."""
    pairs = round_up(k, 2) // 2
    blocks = np.frombuffer(data, np.int8).reshape(-1, pairs, LANES, 2)
    return blocks.transpose(0, 2, 1, 3).reshape(-1, pairs * 2)[:m, :k]


def pack_quads(w: Array) -> bytes:
    """`[M, K]` i8 as `[M/8][K4/4][8][4]`, K4 = K rounded up to 4."""
    m, k = w.shape
    full = np.zeros((round_up(m, LANES), round_up(k, 4)), np.int8)
    full[:m, :k] = w
    return full.reshape(-1, LANES, full.shape[1] // 4, 4).transpose(0, 2, 1, 3).tobytes()


def unpack_quads(data: bytes, m: int, k: int) -> Array:
    """`[M, K]` i8 of what `pack_quads` made."""
    quads = round_up(k, 4) // 4
    blocks = np.frombuffer(data, np.int8).reshape(-1, quads, LANES, 4)
    return blocks.transpose(0, 2, 1, 3).reshape(-1, quads * 4)[:m, :k]


def pack_depthwise(w: Array) -> bytes:
    """`[taps, C]` as `[taps][r8(C)]`."""
    full = np.zeros((w.shape[0], round_up(w.shape[1], LANES)), w.dtype)
    full[:, : w.shape[1]] = w
    return full.tobytes()


def unpack_depthwise(data: bytes, taps: int, channels: int, dtype: Any) -> Array:  # noqa: ANN401 -- a numpy dtype
    """`[taps, C]` of what `pack_depthwise` made."""
    return np.frombuffer(data, dtype).reshape(taps, -1)[:, :channels]


def pack_vector(v: Array, fill: float = 0) -> bytes:
    """`[M]` as `[r8(M)]`, filled up with `fill`."""
    full = np.full(round_up(len(v), LANES), fill, v.dtype)
    full[: len(v)] = v
    return full.tobytes()
