"""Arrays of random numbers, as the inputs and weights of small models."""

import numpy as np

__all__ = ["integers", "normal"]


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(0, 1, shape).astype(np.float32)


def integers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """What int8 weights may be."""
    return rng.integers(-127, 128, shape, np.int8)
