"""Real models, which are not ours to keep: EDGEFN_MODELS names the folder that holds MODELS.md and open/."""

import os
from pathlib import Path

import pytest

__all__ = ["MISSING", "REAL_MODELS", "real_models"]

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "models"
MISSING = "real models are not here: set EDGEFN_MODELS to the folder that holds MODELS.md and open/"


def _found() -> Path | None:
    named = os.environ.get("EDGEFN_MODELS")
    place = Path(named) if named else BESIDE
    return place if (place / "open" / "hello_sine_int8.tflite").is_file() else None


REAL_MODELS = _found()


@pytest.fixture(scope="session")
def real_models() -> Path:
    if REAL_MODELS is None:
        pytest.skip(MISSING)
    return REAL_MODELS
