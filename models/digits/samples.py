"""Make the samples of functions/digits from held-out images.

    python -m models.digits.samples

Takes what heldout.npz holds; the labels are those of the data set, not what the model says.
"""

import json
import struct
import zlib
from base64 import b64encode
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
SAMPLES = FOLDER.parents[1] / "functions" / "digits" / "samples"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RAW = ("three", "nine")
SCALES = {
    "zero": 1,
    "one": 8,
    "two": 1,
    "four": 4,
    "five": 16,
    "seven": 8,
}  # pixels of the PNG for one of the scan, each way
DARK_ON_LIGHT = ("one", "five")

type Pixels = NDArray[np.uint8]


def main() -> None:
    held = np.load(FOLDER / "heldout.npz")
    SAMPLES.mkdir(exist_ok=True)
    for name in (*SCALES, *RAW):
        label = NAMES.index(name)
        scan = held["images"][np.flatnonzero(held["labels"] == label)[0]]
        body = _raw(scan) if name in RAW else _picture(name, scan)
        _write(name, body, {"status": 200, "json": {"label": label}})
    broken = _png(held["images"][0] * np.uint8(15))[:-20]
    (SAMPLES / "truncated.png").write_bytes(broken)
    _write("truncated", _file("truncated.png"), {"status": 400})


def _picture(name: str, scan: Pixels) -> dict[str, object]:
    grey = (scan.astype(np.uint16) * 255 // 16).astype(np.uint8).repeat(SCALES[name], 0).repeat(SCALES[name], 1)
    (SAMPLES / f"{name}.png").write_bytes(_png(255 - grey if name in DARK_ON_LIGHT else grey))
    return _file(f"{name}.png")


def _file(name: str) -> dict[str, object]:
    return {"headers": [["content-type", "image/png"]], "body_file": name}


def _raw(scan: Pixels) -> dict[str, object]:
    return {
        "headers": [["content-type", "application/octet-stream"]],
        "body_base64": b64encode(scan.tobytes()).decode(),
    }


def _write(name: str, body: dict[str, object], expect: dict[str, object]) -> None:
    sample = {"request": {"method": "POST", "url": "/", **body}, "expect": expect}
    (SAMPLES / f"{name}.json").write_text(json.dumps(sample, indent=2) + "\n")


def _png(grey: Pixels) -> bytes:
    """An 8-bit grey PNG without filters."""
    height, width = grey.shape
    raw = b"".join(b"\0" + row.tobytes() for row in grey)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(raw, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


if __name__ == "__main__":
    main()
