"""The handwritten digits of scikit-learn, real scans of 8 x 8 pixels of 0 to 16: how they are split and varied."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

__all__ = ["HELD_OUT", "Floats", "Labels", "Split", "load_split", "shifted"]

HELD_OUT = 0.25
SPLIT_SEED = 20
FULL = 16.0  # the largest pixel value: the inked pixels of a 4 x 4 block of the scan

type Floats = NDArray[np.float32]
type Labels = NDArray[np.int64]


class Split(NamedTuple):
    """Images `[N, 8, 8]` of 0..1 for training; the held-out ones as they came, uint8 of 0..16."""

    images: Floats
    labels: Labels
    held_images: NDArray[np.uint8]
    held_labels: Labels


def load_split() -> Split:
    """Hold out a quarter of the images, the same share of every digit."""
    digits = load_digits()
    scans = digits.images.astype(np.uint8)
    train, held, labels, held_labels = train_test_split(
        scans, digits.target, test_size=HELD_OUT, stratify=digits.target, random_state=SPLIT_SEED
    )
    return Split((train / FULL).astype(np.float32), labels, held, held_labels)


def shifted(images: Floats, rng: np.random.Generator, reach: float = 1.0) -> Floats:
    """Move every image by its own fraction of a pixel, at most `reach` each way; zeros come in from outside."""
    down, right = (_shift_matrices(rng.uniform(-reach, reach, len(images))) for _ in range(2))
    return (down @ images @ right.transpose(0, 2, 1)).astype(np.float32)


def _shift_matrices(offsets: NDArray[np.float64]) -> Floats:
    """`[N, 8, 8]`: linear interpolation at `i + offset`."""
    rows, columns = np.arange(8)[:, None], np.arange(8)[None, :]
    distance = np.abs(rows + offsets[:, None, None] - columns)
    return np.maximum(0.0, 1.0 - distance).astype(np.float32)
