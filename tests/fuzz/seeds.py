"""What mutations begin with: every plan and every model file that the tests make, kept while the tests run."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["KINDS", "harvest", "keep", "load"]

KINDS = ("plan", "onnx", "tflite")
FOLDER = "EDGEFN_FUZZ_SEEDS"
LARGEST = 1 << 15
ROOT = Path(__file__).parents[2]


def keep(kind: str, data: bytes) -> None:
    """Keep a file as a seed, if this run of the tests is a harvest. The helpers of the tests call it."""
    if FOLDER in os.environ and len(data) <= LARGEST:
        path = Path(os.environ[FOLDER]) / kind / hashlib.sha256(data).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def harvest(folder: Path, *, seed: int) -> None:
    """Run the tests of the engine and of the compiler, and keep what they make, whether they pass or not.

    Raises RuntimeError when they do not run.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--hypothesis-seed={seed}"]
    done = subprocess.run(
        [*command, "tests/engine", "tests/graph"],
        cwd=ROOT,
        env={**os.environ, FOLDER: str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"the tests that make the seeds do not run:\n{done.stdout[-4000:]}")


def load(folder: Path) -> dict[str, list[bytes]]:
    """The seeds of each kind, in an order that depends on their bytes only."""
    return {kind: [path.read_bytes() for path in sorted((folder / kind).glob("*"))] for kind in KINDS}
