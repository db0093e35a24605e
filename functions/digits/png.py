"""A PNG decoder in plain Python, for images from strangers: every length, size and checksum is verified before use.

Reads every colour type, bit depth and filter, and Adam7, into eight bits of grey. Transparency is laid over white; the
transparent colour of a grey or RGB image without alpha is ignored. 16-bit samples keep their high byte, which is exact:
filters never mix the bytes of a sample.

Rows are computed as one big integer where the filter allows it (None, Sub, Up), several times faster than byte by byte.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

__all__ = ["SIGNATURE", "Image", "PngError", "PngTooLargeError", "decode"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
WHOLE = ((0, 0, 1, 1),)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

# The three parts of luma (ITU-R BT.601) add up to at most 255: as big integers, nothing is carried from byte to byte.
LUMA = tuple(bytes(round(weight * v) for v in range(256)) for weight in (0.299, 0.587, 0.114))


class PngError(ValueError):
    """Not a PNG that can be read; the message says what is wrong."""


class PngTooLargeError(PngError):
    """More pixels than the caller accepts."""


class Image(NamedTuple):
    """`grey`: one byte a pixel, row by row, 0 black to 255 white."""

    width: int
    height: int
    grey: bytes


class _Head(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def stride(self) -> int:
        """Bytes between a byte and its left neighbour in a filter, once 16-bit samples are cut to 8."""
        return max(1, SAMPLES[self.colour] * min(self.depth, 8) // 8)

    def passes(self) -> "Iterator[tuple[int, int, int, int, int, int]]":
        """x, y, step right, step down, width and height of each reduced image that is not empty."""
        for x, y, right, down in ADAM7 if self.interlaced else WHOLE:
            width, height = -((x - self.width) // right), -((y - self.height) // down)
            if width > 0 and height > 0:
                yield x, y, right, down, width, height

    def row_bytes(self, width: int) -> int:
        return (width * SAMPLES[self.colour] * self.depth + 7) // 8


def decode(data: bytes, *, max_pixels: int) -> Image:
    """Decode `data`; the memory this takes is in proportion to `data` and `max_pixels`.

    Raises PngError, and its PngTooLargeError for more than `max_pixels`.
    """
    head, palette, packed = _chunks(data, max_pixels)
    size = sum(height * (1 + head.row_bytes(width)) for *_, width, height in head.passes())
    raw = _inflate(packed, size)
    levels = palette or _scale(head.depth)
    grey = bytearray(head.width * head.height)
    start = 0
    for x, y, right, down, width, _ in head.passes():
        row_bytes = head.row_bytes(width)
        keep = 2 if head.depth == 16 else 1
        above = bytes(row_bytes // keep)
        for line in range(y, head.height, down):
            above = _unfilter(raw[start], raw[start + 1 : start + 1 + row_bytes : keep], above, head.stride)
            at = line * head.width
            grey[at + x : at + head.width : right] = _grey(head, above, width, levels)
            start += 1 + row_bytes
    return Image(head.width, head.height, bytes(grey))


def _chunks(data: bytes, max_pixels: int) -> tuple[_Head, bytes, bytes]:
    """The header, the grey levels of the palette (empty without one), and the compressed pixels."""
    if not data.startswith(SIGNATURE):
        raise PngError("not a PNG: the signature is missing")
    head, last = None, b""
    packed: list[bytes] = []
    tables: dict[bytes, bytes] = {}
    for kind, body in _walk(data):
        if head is None:
            if kind != b"IHDR":
                raise PngError("the first chunk is not IHDR")
            head = _head(body, max_pixels)
        elif kind == b"IDAT":
            if packed and last != kind:
                raise PngError("the IDAT chunks are not in a row")
            packed.append(body)
        elif kind in {b"PLTE", b"tRNS"}:
            if packed or kind in tables:
                raise PngError(f"chunk {kind!r} is repeated or comes after the pixels")
            tables[kind] = body
        elif kind == b"IEND":
            return head, _palette(head, tables), b"".join(packed)
        elif not kind[0] & 32:
            raise PngError(f"chunk {kind!r} is critical and unknown or repeated")
        last = kind
    raise PngError("truncated: the IEND chunk is missing")


def _walk(data: bytes) -> "Iterator[tuple[bytes, bytes]]":
    """Type and body of every chunk, its checksum verified."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise PngError(f"truncated: chunk {kind!r} announces {length:,} bytes, {len(data) - at - 12:,} are left")
        body = data[at + 8 : end]
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[end : end + 4], "big"):
            raise PngError(f"damaged: the checksum of chunk {kind!r} is wrong")
        yield kind, body
        at = end + 4


def _head(body: bytes, max_pixels: int) -> _Head:
    if len(body) != 13:
        raise PngError(f"an IHDR chunk of {len(body)} bytes, not 13")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if not width or not height:
        raise PngError(f"an image of {width} x {height} pixels")
    if depth not in DEPTHS.get(colour, ()):
        raise PngError(f"colour type {colour} with {depth} bits does not exist")
    if compression or filtering or interlace > 1:
        raise PngError(
            f"compression {compression}, filter method {filtering} or interlace method {interlace} does not exist"
        )
    if width * height > max_pixels:
        raise PngTooLargeError(f"{width:,} x {height:,} pixels, at most {max_pixels:,} pixels are taken")
    return _Head(width, height, depth, colour, bool(interlace))


def _inflate(packed: bytes, size: int) -> bytes:
    """Exactly `size` bytes; never more than one byte above that is expanded."""
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(packed, size + 1)
    except zlib.error as error:
        raise PngError(f"damaged: the pixels cannot be expanded: {error}") from None
    if len(raw) != size or not stream.eof:
        raise PngError(f"the pixels do not expand to the {size:,} bytes of the image")
    return raw


def _palette(head: _Head, tables: dict[bytes, bytes]) -> bytes:
    if head.colour != 3:
        return b""
    colours, alphas = tables.get(b"PLTE", b""), tables.get(b"tRNS", b"")
    if len(colours) % 3 or not 3 <= len(colours) <= 768:
        raise PngError(
            f"a palette image with a PLTE chunk of {len(colours)} bytes: 3 to 768, three a colour, are right"
        )
    if len(alphas) > len(colours) // 3:
        raise PngError(f"a tRNS chunk of {len(alphas)} bytes does not fit the palette of {len(colours) // 3}")
    grey = _luma(colours[0::3], colours[1::3], colours[2::3])
    return _over_white(grey, alphas + b"\xff" * (len(grey) - len(alphas)))


def _scale(depth: int) -> bytes:
    """The grey of every value that a sample of at most eight bits can have."""
    top = (1 << min(depth, 8)) - 1
    return bytes(v * 255 // top for v in range(top + 1))


def _grey(head: _Head, row: bytes, width: int, levels: bytes) -> bytes:
    if head.colour in {2, 6}:
        samples = SAMPLES[head.colour]
        grey = _luma(row[0::samples], row[1::samples], row[2::samples])
        return _over_white(grey, row[3::4]) if head.colour == 6 else grey
    if head.colour == 4:
        return _over_white(row[0::2], row[1::2])
    values = row if head.depth >= 8 else _spread(row, head.depth)[:width]
    if max(values) >= len(levels):
        raise PngError(f"a pixel has colour {max(values)} of a palette of {len(levels)}")
    return values.translate(levels.ljust(256, b"\0"))


def _spread(row: bytes, depth: int) -> bytes:
    """One byte for each sample of less than eight bits."""
    spread = bytearray(len(row) * 8 // depth)
    for place, table in enumerate(_parts(depth)):
        spread[place :: 8 // depth] = row.translate(table)
    return bytes(spread)


@lru_cache(16)
def _parts(depth: int) -> tuple[bytes, ...]:
    """For each place in a byte, from the left: the sample there, by the value of the byte."""
    mask = (1 << depth) - 1
    return tuple(bytes((v >> shift) & mask for v in range(256)) for shift in range(8 - depth, -1, -depth))


def _luma(red: bytes, green: bytes, blue: bytes) -> bytes:
    parts = (lane.translate(table) for lane, table in zip((red, green, blue), LUMA, strict=True))
    return sum(int.from_bytes(part, "little") for part in parts).to_bytes(len(red), "little")


def _over_white(grey: bytes, alpha: bytes) -> bytes:
    if alpha.count(255) == len(alpha):
        return grey
    return bytes([255 - (255 - g) * a // 255 for g, a in zip(grey, alpha, strict=True)])


def _unfilter(kind: int, row: bytes, above: bytes, stride: int) -> bytes:
    """The bytes of a row; `above` is the row before it, zeros for the first."""
    if kind == 0:
        return row
    if kind == 1:
        return _sub(row, stride)
    if kind == 2:
        return _add(int.from_bytes(row, "little"), int.from_bytes(above, "little"), _ones(len(row))).to_bytes(
            len(row), "little"
        )
    if kind > 4:
        raise PngError(f"filter {kind} does not exist")
    lane_of = _average if kind == 3 else _paeth
    out = bytearray(len(row))
    for lane in range(min(stride, len(row))):
        out[lane::stride] = lane_of(row[lane::stride], above[lane::stride])
    return bytes(out)


@lru_cache(16)
def _ones(n: int) -> int:
    """The integer whose `n` bytes are all 1."""
    return int.from_bytes(b"\1" * n, "little")


def _add(a: int, b: int, ones: int) -> int:
    """Add byte by byte, modulo 256: seven bits with their carry, the eighth without."""
    low, high = ones * 0x7F, ones * 0x80
    return ((a & low) + (b & low)) ^ ((a ^ b) & high)


def _sub(row: bytes, stride: int) -> bytes:
    """A running sum with the byte `stride` to the left, in log2(pixels) additions of the whole row."""
    n = len(row)
    ones = _ones(n)
    total, reach, mask = int.from_bytes(row, "little"), stride, ones * 0xFF
    while reach < n:
        total = _add(total, (total << 8 * reach) & mask, ones)
        reach *= 2
    return total.to_bytes(n, "little")


def _average(row: bytes, above: bytes) -> bytearray:
    left, out = 0, bytearray()
    append = out.append
    for x, up in zip(row, above, strict=True):
        left = (x + ((left + up) >> 1)) & 255
        append(left)
    return out


def _paeth(row: bytes, above: bytes) -> bytearray:
    """Predict from left, above or above left: whichever is nearest to left + above - corner, in this order."""
    left = corner = 0
    out = bytearray()
    append = out.append
    for x, up in zip(row, above, strict=True):
        by_left, by_up = up - corner, left - corner
        by_corner = by_left + by_up
        if by_left < 0:
            by_left = -by_left
        if by_up < 0:
            by_up = -by_up
        if by_corner < 0:
            by_corner = -by_corner
        if by_up < by_left or by_corner < by_left:
            left = up if by_up <= by_corner else corner
        left = (left + x) & 255
        append(left)
        corner = up
    return out
