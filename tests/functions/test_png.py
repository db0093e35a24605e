"""The decoder against an encoder that is written from the specification, pixel by pixel, and shares nothing with it."""

import random
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 2),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
    (6, 8),
    (6, 16),
]
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
LIMIT = 4096


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width, height, depth, colour, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def assemble(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def pack(row, depth):
    bits = "".join(f"{sample:0{depth}b}" for pixel in row for sample in pixel)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def paeth(a, b, c):
    return min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]


def filtered(kind, row, above, step):
    out = bytearray([kind])
    for i, x in enumerate(row):
        a, b, c = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
        out.append((x - (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) % 256)
    return bytes(out)


def encode(pixels, colour, depth, *, filters=(0,), palette=None, alphas=None, interlace=0, split=1):
    """`pixels`: rows of pixels, each a tuple of samples."""
    raw, step, number = b"", max(1, SAMPLES[colour] * depth // 8), 0
    for x, y, right, down in ADAM7 if interlace else [(0, 0, 1, 1)]:
        above = None
        for line in pixels[y::down]:
            row = pack(line[x::right], depth)
            if not row:
                continue
            raw += filtered(filters[number % len(filters)], row, above or bytes(len(row)), step)
            above, number = row, number + 1
    packed = zlib.compress(raw)
    middle = [chunk(b"PLTE", bytes(v for c in palette for v in c))] if palette else []
    middle += [chunk(b"tRNS", bytes(alphas))] if alphas else []
    size = -(-len(packed) // split)
    middle += [chunk(b"IDAT", packed[i : i + size]) for i in range(0, len(packed), size)]
    return assemble(header(len(pixels[0]), len(pixels), depth, colour, interlace), *middle)


def grey_of(pixel, colour, depth, palette=None, alphas=None):
    """What the specification says a pixel is, in grey over white; exact, not rounded."""
    top = (1 << depth) - 1
    alpha = 1.0
    if colour == 3:
        rgb = palette[pixel[0]]
        alpha = (alphas[pixel[0]] if alphas and pixel[0] < len(alphas) else 255) / 255
    else:
        scaled = [s * 255 / top for s in pixel]
        alpha = scaled[-1] / 255 if colour in (4, 6) else 1.0
        rgb = scaled[:3] if colour in (2, 6) else scaled[:1] * 3
    luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
    return luma * alpha + 255 * (1 - alpha)


def noise(width, height, colour, depth, *, seed):
    rng = random.Random(seed)
    high = (1 << depth) - 1
    return [[tuple(rng.randint(0, high) for _ in range(SAMPLES[colour])) for _ in range(width)] for _ in range(height)]


def palette_of(depth):
    rng = random.Random(depth)
    return [tuple(rng.randint(0, 255) for _ in range(3)) for _ in range(1 << depth)]


def check(image, pixels, colour, depth, palette=None, *, alphas=None):
    assert (image.width, image.height) == (len(pixels[0]), len(pixels))
    wanted = [grey_of(p, colour, depth, palette, alphas) for row in pixels for p in row]
    assert len(image.grey) == len(wanted)
    assert (
        max(abs(a - b) for a, b in zip(image.grey, wanted, strict=True)) < 3
    )  # rounding of three parts of luma and of alpha


@pytest.mark.parametrize(("colour", "depth"), KINDS)
@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_every_colour_type_bit_depth_and_filter_is_read(png, colour, depth, kind):
    pixels = noise(13, 7, colour, depth, seed=kind)
    palette = palette_of(depth) if colour == 3 else None
    check(
        png.decode(encode(pixels, colour, depth, filters=[kind], palette=palette), max_pixels=LIMIT),
        pixels,
        colour,
        depth,
        palette,
    )


@pytest.mark.parametrize(("colour", "depth"), KINDS)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 1), (9, 11)])
def test_interlaced_images_are_read_also_when_passes_are_empty(png, colour, depth, size):
    pixels = noise(*size, colour, depth, seed=1)
    palette = palette_of(depth) if colour == 3 else None
    data = encode(pixels, colour, depth, filters=[4, 3, 2, 1, 0], palette=palette, interlace=1)
    check(png.decode(data, max_pixels=LIMIT), pixels, colour, depth, palette)


@given(data=st.data())
@settings(deadline=None, max_examples=120)
def test_what_is_encoded_is_decoded(png, data):
    colour, depth = data.draw(st.sampled_from(KINDS))
    width, height = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 8))
    pixels = noise(width, height, colour, depth, seed=data.draw(st.integers(0, 1000)))
    filters = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    palette = palette_of(depth) if colour == 3 else None
    written = encode(
        pixels,
        colour,
        depth,
        filters=filters,
        palette=palette,
        interlace=data.draw(st.integers(0, 1)),
        split=data.draw(st.integers(1, 4)),
    )
    check(png.decode(written, max_pixels=LIMIT), pixels, colour, depth, palette)


def test_eight_bit_grey_is_exact(png):
    pixels = [[(16 * y + x,) for x in range(16)] for y in range(16)]
    assert png.decode(encode(pixels, 0, 8, filters=[0, 1, 2, 3, 4]), max_pixels=256).grey == bytes(range(256))


def test_white_in_colour_is_white(png):
    assert png.decode(encode([[(255, 255, 255)]], 2, 8), max_pixels=1).grey == b"\xff"


def test_a_transparent_palette_entry_lets_white_through(png):
    palette, alphas = [(0, 0, 0), (0, 0, 0), (255, 0, 0)], [0, 128]
    pixels = [[(0,), (1,), (2,)]]
    check(
        png.decode(encode(pixels, 3, 8, palette=palette, alphas=alphas), max_pixels=3),
        pixels,
        3,
        8,
        palette,
        alphas=alphas,
    )


def test_unknown_ancillary_chunks_are_skipped(png):
    text = chunk(b"tEXt", b"Title\0seven")
    data = assemble(header(1, 1, 8, 0), text, chunk(b"IDAT", zlib.compress(b"\0\x80")), text)
    assert png.decode(data, max_pixels=1).grey == b"\x80"


def test_more_pixels_than_accepted_are_refused_before_they_are_expanded(png):
    data = assemble(header(1 << 31 - 1, 1 << 31 - 1, 8, 0), chunk(b"IDAT", b"not even compressed"))
    with pytest.raises(png.PngTooLargeError, match="at most 4,096 pixels"):
        png.decode(data, max_pixels=LIMIT)


def test_a_zip_bomb_is_refused_without_being_expanded(png):
    bomb = zlib.compress(bytes(100_000_000), 9)
    started = time.perf_counter()
    with pytest.raises(png.PngError, match="do not expand to the 72 bytes"):
        png.decode(assemble(header(8, 8, 8, 0), chunk(b"IDAT", bomb)), max_pixels=64)
    assert time.perf_counter() - started < 0.05


IDAT = chunk(b"IDAT", zlib.compress(b"\0\0"))
ONE = header(1, 1, 8, 0)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([IDAT], "first chunk is not IHDR"),
        ([header(0, 1, 8, 0), IDAT], "0 x 1 pixels"),
        ([header(1, 1, 3, 0), IDAT], "colour type 0 with 3 bits"),
        ([header(1, 1, 8, 5), IDAT], "colour type 5"),
        ([header(1, 1, 8, 0, 2), IDAT], "interlace method 2"),
        ([chunk(b"IHDR", b"short"), IDAT], "5 bytes, not 13"),
        ([ONE], "do not expand to the 2 bytes"),
        ([ONE, ONE, IDAT], "IHDR' is critical and unknown or repeated"),
        ([ONE, chunk(b"ABCD", b""), IDAT], "ABCD' is critical and unknown"),
        ([ONE, IDAT, chunk(b"tEXt", b""), IDAT], "not in a row"),
        ([ONE, chunk(b"IDAT", b"")], "do not expand to the 2 bytes"),
        ([ONE, chunk(b"IDAT", b"noise")], "cannot be expanded"),
        ([ONE, chunk(b"IDAT", zlib.compress(b"\0"))], "do not expand to the 2 bytes"),
        ([ONE, chunk(b"IDAT", zlib.compress(b"\0\0\0"))], "do not expand to the 2 bytes"),
        ([ONE, chunk(b"IDAT", zlib.compress(b"\0\0")[:-1])], "do not expand to the 2 bytes"),
        ([ONE, chunk(b"IDAT", zlib.compress(b"\5\0"))], "filter 5 does not exist"),
        ([header(1, 1, 8, 3), IDAT], "PLTE chunk of 0 bytes"),
        ([header(1, 1, 8, 3), chunk(b"PLTE", b"1234"), IDAT], "PLTE chunk of 4 bytes"),
        ([header(1, 1, 8, 3), chunk(b"PLTE", b"123"), chunk(b"tRNS", b"12"), IDAT], "does not fit the palette"),
        (
            [header(1, 1, 8, 3), chunk(b"PLTE", b"123"), chunk(b"IDAT", zlib.compress(b"\0\1"))],
            "colour 1 of a palette of 1",
        ),
    ],
)
def test_what_breaks_the_specification_is_named(png, chunks, message):
    with pytest.raises(png.PngError, match=message):
        png.decode(assemble(*chunks), max_pixels=LIMIT)


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"GIF89a" + bytes(40), b"\xff\xd8\xff" + bytes(40)])
def test_other_files_are_no_png(png, data):
    with pytest.raises(png.PngError, match="signature"):
        png.decode(data, max_pixels=LIMIT)


def test_a_file_cut_at_any_byte_is_refused(png):
    whole = encode(noise(9, 9, 3, 4, seed=2), 3, 4, filters=[4, 1], palette=palette_of(4), alphas=[3], split=3)
    for end in range(len(whole)):
        with pytest.raises(png.PngError):
            png.decode(whole[:end], max_pixels=LIMIT)


def test_a_changed_byte_never_goes_unnoticed(png):
    whole = encode(noise(9, 9, 2, 8, seed=3), 2, 8, filters=[0, 1, 2, 3, 4])
    for at in range(len(whole)):
        for flip in (1, 0x20, 0xFF):
            with pytest.raises(png.PngError):
                png.decode(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :], max_pixels=LIMIT)


@given(
    st.tuples(st.integers(0, 40), st.integers(0, 40)),
    st.integers(0, 17),
    st.integers(0, 7),
    st.integers(0, 1),
    st.binary(max_size=200),
    st.binary(max_size=40),
)
@settings(deadline=None, max_examples=300)
def test_any_content_under_right_checksums_is_read_or_refused(png, size, depth, colour, interlace, raw, palette):
    width, height = size
    data = assemble(
        header(width, height, depth, colour, interlace), chunk(b"PLTE", palette), chunk(b"IDAT", zlib.compress(raw))
    )
    try:
        image = png.decode(data, max_pixels=LIMIT)
    except png.PngError:
        return
    assert len(image.grey) == width * height


@given(st.binary(max_size=300))
def test_any_bytes_after_the_signature_are_refused(png, noise_bytes):
    with pytest.raises(png.PngError):
        png.decode(b"\x89PNG\r\n\x1a\n" + noise_bytes, max_pixels=LIMIT)
