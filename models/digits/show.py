"""Prints held-out digits as text beside what the built function answers: `python models/digits/show.py`."""

import json
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgefn.build import build
from edgefn.host import HostRequest, Worker, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function

ROOT = Path(__file__).parents[2]
SHADES = " .:-=+*#%@"
SHOWN = 5


def main() -> None:
    """Ask the digits function, under Fastly's limits, for five images that the model has never seen."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    held = np.load(Path(__file__).with_name("heldout.npz"))
    images, labels = held["images"][:SHOWN], held["labels"][:SHOWN]
    component = build(load_function(ROOT / "functions" / "digits")).component
    profile = load_profile("fastly")
    with Worker(load_component(component, profile), profile) as worker:
        answers = [
            json.loads(worker.call(HostRequest("POST", "/", body=image.astype(np.uint8).tobytes())).body)
            for image in images
        ]
    drawn = [_draw(image.reshape(8, 8)) for image in images]
    for row in zip(*drawn, strict=True):
        print("  " + "    ".join(row))
    print("  " + "    ".join(f"written: {label}".ljust(16) for label in labels))
    print("  " + "    ".join(f"read: {a['label']} ({a['score']:.2f})".ljust(16) for a in answers))


def _draw(image: npt.NDArray[np.uint8]) -> list[str]:
    """Rows of text, two characters a pixel; pixels are 0 to 16."""
    return ["".join(2 * SHADES[min(int(pixel), 15) * len(SHADES) // 16] for pixel in row) for row in image]


if __name__ == "__main__":
    main()
