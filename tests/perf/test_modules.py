"""Standalone modules: how large they are, and how long it takes until a compiled one can predict."""

import shutil
import time
from statistics import median

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgefn.build.modules import compile_file
from edgefn.graph.compiler import compile_model, read_model

pytestmark = pytest.mark.perf

NODE = """
import { readFile } from "node:fs/promises";
import { load } from "./model.js";

const module = await WebAssembly.compile(await readFile("model.wasm"));
const times = [];
for (let i = 0; i < 50; i++) {
  const started = performance.now();
  await load(module);
  times.push(performance.now() - started);
}
console.log(times.sort((a, b) => a - b)[25]);
"""
WORKER = """
import wasm from "./model.wasm";
import { load } from "./model.js";

export default {
  async fetch(request) {
    for (let n = Number(await request.text()); n > 0; n--) await load(wasm);
    return new Response();
  },
};
"""
LOADS = 50  # in one request to workerd, whose own clock stands still while it computes


def digits(folder, digits_model):
    return digits_model


def megabyte(folder, digits_model):
    """One dense layer with a mebibyte of weights."""
    path = folder / "megabyte.onnx"
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 512]) for name in "xy")
    weights = numpy_helper.from_array(np.random.default_rng(1).random((512, 512), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module", params=[digits, megabyte], ids=lambda make: make.__name__)
def module(request, digits_model, tmp_path_factory):
    """What the model is called, its module with the wrapper beside it in a folder of their own, the plan's size."""
    folder = tmp_path_factory.mktemp("module")
    model = request.param(tmp_path_factory.mktemp("model"), digits_model)
    compile_file(model, folder / "model.wasm", "simd128", js=True)
    size = len(compile_model(read_model(model), name="model").plan)
    return f"{request.param.__name__}, a plan of {size / 1e3:,.0f} kB", folder / "model.wasm", size


@pytest.mark.benchmark(group="standalone module: instance and efn_start")
def test_start_in_wasmtime(benchmark, figure, module):
    from wasmtime import Engine, Instance, Module, Store

    name, path, plan_size = module
    size = path.stat().st_size - plan_size
    assert size < 150_000
    engine = Engine()
    compiled = Module(engine, path.read_bytes())

    def start():
        store = Store(engine)
        assert Instance(store, compiled, []).exports(store)["efn_start"](store) == 0
        store.close()

    benchmark.pedantic(start, rounds=200, warmup_rounds=5)
    figure(f"engine inside a module: {name}", f"{size / 1e3:.1f} kB", "under 150 kB")
    if benchmark.stats:
        figure(f"start in wasmtime: {name}", f"{benchmark.stats['median'] * 1e3:.2f} ms", "under 1 ms")


@pytest.mark.benchmark(group="standalone module: instance and efn_start")
def test_start_in_node(benchmark, figure, module, node):
    name, path, _ = module
    milliseconds = float(benchmark.pedantic(lambda: node(NODE, path.parent), rounds=1))
    figure(f"start in Node: {name}", f"{milliseconds:.2f} ms", "under 1 ms")


@pytest.mark.benchmark(group="standalone module: instance and efn_start")
def test_start_in_workerd(benchmark, figure, module, workerd, tmp_path):
    name, path, _ = module
    shutil.copytree(path.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "worker.js").write_text(WORKER)
    with workerd(tmp_path) as address, httpx.Client(base_url=address) as client:

        def ask(loads):
            started = time.perf_counter()
            client.post("/", content=str(loads)).raise_for_status()
            return time.perf_counter() - started

        benchmark.pedantic(ask, args=(LOADS,), rounds=1)
        nothing, something = (median(ask(loads) for _ in range(7)) for loads in (0, LOADS))
    figure(f"start in workerd: {name}", f"{(something - nothing) / LOADS * 1e3:.2f} ms", "under 1 ms")
