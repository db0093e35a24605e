"""How fast real models are, in wasmtime with and without the deadline checks of an edge host, and in Node."""

import pytest
from tests.models import MISSING, REAL_MODELS

from edgefn.bench.cases import load_cases
from edgefn.bench.model import run_model
from edgefn.bench.subject import open_subject
from edgefn.build.javascript import write_wrapper
from edgefn.engine.module import embed

pytestmark = pytest.mark.perf

MODELS = sorted(p for p in (REAL_MODELS / "open").glob("*") if p.suffix in {".onnx", ".tflite"}) if REAL_MODELS else []
HEADER = ("model", "simd128", "with epochs", "relaxed-simd", "with epochs ", "Node, simd128")
NODE = """
import { readFile } from "node:fs/promises";
import { load } from "./model.js";

const model = await load(await readFile("model.wasm"));
const bytes = ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const inputs = Object.values(model.inputs).map(bytes);
const given = await Promise.all(inputs.map((_, i) => readFile(`in${i}`)));
let least = Infinity;
const end = performance.now() + 2500;
for (let n = 0; n < 20 || (n < 5000 && performance.now() < end); n++) {
  inputs.forEach((input, i) => input.set(given[i]));
  const started = performance.now();
  model.run();
  least = Math.min(least, performance.now() - started);
}
console.log(least);
"""


@pytest.mark.skipif(not MODELS, reason=MISSING)
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.benchmark(group="inference of real models")
def test_inference(benchmark, line, path, node, tmp_path):
    """The least milliseconds of inference of the first case alone."""
    if not benchmark.enabled:
        pytest.skip("measures and holds nothing: --benchmark-enable")
    archive = load_cases(path.with_suffix(".npz"))
    subject = open_subject(path, None, archive.shapes)
    (tmp_path / "model.wasm").write_bytes(embed(subject.blob, "simd128"))
    (tmp_path / "model.js").write_text(write_wrapper(subject.blob, "model.wasm").module)
    for i, value in enumerate(archive.cases(subject.plan)[0].inputs):
        (tmp_path / f"in{i}").write_bytes(value.tobytes())

    def measure():
        ways = [(flavour, epochs) for flavour in ("simd128", "relaxed-simd") for epochs in (False, True)]
        native = [run_model(path, path.with_suffix(".npz"), *way[:1], epochs=way[1]).min for way in ways]
        return [*native, float(node(NODE, tmp_path))]

    found = benchmark.pedantic(measure, rounds=1)
    line(HEADER, (path.name, *(f"{ms:.3f} ms" for ms in found)))
    assert all(ms >= 0 for ms in found)
