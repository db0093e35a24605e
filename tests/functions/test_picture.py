"""What the function makes of a body before the model sees it."""

import struct
import zlib

import pytest


def grey_png(rows):
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts
    )


STROKE = [[255 if x in (3, 4) and 0 < y < 7 else 0 for x in range(8)] for y in range(8)]
INK = [1.0 if value else 0.0 for row in STROKE for value in row]


def scaled(rows, n):
    return [[value for value in row for _ in range(n)] for row in rows for _ in range(n)]


def refusal(picture, body, kind=""):
    with pytest.raises(picture.Refused) as caught:
        picture.read(body, kind)
    assert caught.value.hint
    return caught.value.status, str(caught.value)


@pytest.mark.parametrize("n", [1, 2, 5, 32])
def test_an_enlarged_image_is_reduced_to_what_it_was(picture, n):
    assert picture.read(grey_png(scaled(STROKE, n)), "image/png") == INK


def test_dark_ink_on_light_paper_is_inverted(picture):
    inverted = [[200 - value // 2 for value in row] for row in STROKE]
    assert picture.read(grey_png(inverted), "image/png") == INK


def test_sizes_that_8_does_not_divide_keep_their_mean(picture):
    values = [float(v) for v in range(11)]
    means = picture._means(values)
    assert sum(means) / 8 == pytest.approx(5)
    assert means[0] == pytest.approx((0 * 1 + 1 * 0.375) / 1.375)


def test_an_image_smaller_than_8_is_spread(picture):
    assert picture._means([1, 2]) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert picture._means([0, 3, 6])[2] == pytest.approx((0 * 2 + 3 * 1) / 3)


def test_a_png_is_known_by_its_signature(picture):
    assert picture.read(grey_png(STROKE), "application/octet-stream; x=1") == INK


def test_raw_values_are_sixteenths(picture):
    assert picture.read(bytes([16, 4] + [0] * 62), "")[:3] == [1.0, 0.25, 0.0]


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"", "", 400, "0 raw bytes, not 64"),
        (bytes(63), "application/octet-stream", 400, "63 raw bytes"),
        (bytes([17] * 64), "", 400, "raw pixel of 17"),
        (bytes(64), "image/jpeg", 415, "image/jpeg is not supported"),
        (b"{}", "application/json; charset=utf-8", 415, "application/json is not supported"),
        (b"no image", "image/png", 400, "signature is missing"),
        (grey_png(STROKE)[:-5], "image/png", 400, "truncated"),
        (grey_png([[7] * 8] * 8), "image/png", 400, "shows nothing"),
        (grey_png([[0] * 257] * 256), "image/png", 413, "257 x 256 pixels"),
        (bytes((4 << 20) + 1), "", 413, "4,194,305 bytes"),
    ],
)
def test_what_is_no_digit_is_refused_with_status_and_hint(picture, body, kind, status, message):
    said, text = refusal(picture, body, kind)
    assert said == status
    assert message in text
