"""What real models take of memory: the second table of docs/reference/performance.md."""

import pytest
from tests.models import MISSING, REAL_MODELS

from edgefn.bench.anatomy import dissect
from edgefn.bench.cases import load_cases
from edgefn.report.units import size

pytestmark = pytest.mark.perf

MODELS = sorted(p for p in (REAL_MODELS / "open").glob("*") if p.suffix in {".onnx", ".tflite"}) if REAL_MODELS else []
HEADER = ("model", "arena", "decided by", "least possible", "weights", "the file", "linear memory")


@pytest.mark.skipif(not MODELS, reason=MISSING)
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.benchmark(group="memory of real models")
def test_memory(benchmark, line, path):
    """The sizes of open dimensions are those of the inputs that lie beside the model."""
    shapes = load_cases(path.with_suffix(".npz")).shapes
    found = benchmark.pedantic(dissect, args=(path, None, shapes), rounds=1)
    memory = found.memory
    assert memory is not None, found.unsupported
    pin = next(node.op for node in found.nodes if node.id == memory.pinned_by)
    figures = [size(n) for n in (memory.bound, memory.weights, memory.file, memory.linear)]
    line(HEADER, (path.name, size(memory.arena), pin, *figures))
    assert memory.bound <= memory.arena <= 1.1 * memory.bound
    assert memory.arena + memory.weights < memory.linear < memory.arena + memory.weights + 300_000
