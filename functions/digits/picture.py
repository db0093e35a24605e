"""From a request's body to the 8 x 8 pixels that the model takes: 0 is paper, 1 is ink."""

from collections.abc import Sequence

import png

__all__ = ["Refused", "read"]

SIDE = 8
FULL = 16  # the largest raw value
MAX_PIXELS = 256 * 256  # plain Python decodes a megapixel in seconds, a platform gives milliseconds
MAX_BYTES = 4 << 20
CONTRAST = 16  # grey levels between paper and ink that the reduced image must have


class Refused(ValueError):
    """A body that is no digit: `status` to answer with, and a `hint` at what to send instead."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.status, self.hint = status, hint


def read(body: bytes, content_type: str) -> list[float]:
    """The 64 pixels of a PNG or of 64 raw bytes. Raises Refused."""
    kind = content_type.partition(";")[0].strip().lower()
    if len(body) > MAX_BYTES:
        raise Refused(
            413,
            f"a body of {len(body):,} bytes, at most {MAX_BYTES:,} are taken",
            "send a smaller image: 8 x 8 pixels are enough",
        )
    if kind == "image/png" or body.startswith(png.SIGNATURE):
        return _ink(_image(body))
    if kind not in {"", "application/octet-stream"}:
        raise Refused(
            415, f"content-type {kind} is not supported", "send image/png, or 64 bytes as application/octet-stream"
        )
    return _raw(body)


def _image(body: bytes) -> png.Image:
    try:
        return png.decode(body, max_pixels=MAX_PIXELS)
    except png.PngTooLargeError as error:
        raise Refused(413, f"the image is too large: {error}", "scale it down: 8 x 8 pixels are enough") from None
    except png.PngError as error:
        raise Refused(
            400, f"the PNG cannot be read: {error}", "save the image again as PNG and send the whole file"
        ) from None


def _raw(body: bytes) -> list[float]:
    if len(body) != SIDE * SIDE:
        raise Refused(
            400, f"{len(body):,} raw bytes, not {SIDE * SIDE}", "send a PNG, or one byte for each of 8 x 8 pixels"
        )
    if max(body) > FULL:
        raise Refused(
            400, f"a raw pixel of {max(body)}, values are 0 to {FULL}", f"scale the pixels to 0 (paper) to {FULL} (ink)"
        )
    return [value / FULL for value in body]


def _ink(image: png.Image) -> list[float]:
    """Reduce to 8 x 8, paper to 0 and ink to 1, whichever of them is the lighter.

    The rule: ink covers the smaller part. When the mean lies nearer to the lightest pixel than to the darkest, the
    paper is light and the image is inverted.
    """
    cells = _reduced(image)
    dark, light = min(cells), max(cells)
    if light - dark < CONTRAST:
        raise Refused(
            400,
            "the image shows nothing: its pixels are all alike",
            "send dark ink on light paper, or light ink on dark paper",
        )
    ink = [(cell - dark) / (light - dark) for cell in cells]
    return [1 - value for value in ink] if sum(ink) > len(ink) / 2 else ink


def _reduced(image: png.Image) -> list[float]:
    """The mean grey of 8 x 8 equal areas."""
    width = image.width
    rows = (_means(image.grey[start : start + width]) for start in range(0, len(image.grey), width))
    columns = [_means(column) for column in zip(*rows, strict=True)]
    return [cell for row in zip(*columns, strict=True) for cell in row]


def _means(values: Sequence[float]) -> list[float]:
    """The means of 8 equal spans; a value on the border of two counts in part. Counted in eighths of a value."""
    n = len(values)
    means = []
    for span in range(SIDE):
        first, before = divmod(n * span, SIDE)
        last, after = divmod(n * (span + 1), SIDE)
        total = sum(values[first:last]) * SIDE - values[first] * before
        means.append((total + (values[last] * after if after else 0)) / n)
    return means
