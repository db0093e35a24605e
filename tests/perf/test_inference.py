"""The engine against plain Python, in the same component, on the same network."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgefn.build import build
from edgefn.host import HostRequest, Sandbox, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function

pytestmark = pytest.mark.perf

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "models" / "digits"
TIMES = {"/engine": 2000, "/plain": 3}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versus") / "versus"
    shutil.copytree(HERE / "versus", folder)
    (folder / "layers.json").write_text(json.dumps(layers(MODELS / "digits-f32.onnx")))
    shutil.copy(MODELS / "digits-int8.onnx", folder)
    (folder / "edgefn.toml").write_text('[function]\nname = "versus"\n[models.digits]\nsource = "digits-int8.onnx"\n')
    profile = load_profile("cloudflare-paid")
    loaded = load_component(build(load_function(folder)).component, profile)
    with Sandbox(loaded, loaded.linker(), profile) as made:
        yield made


@pytest.fixture(scope="module")
def pixels():
    return (np.load(MODELS / "heldout.npz")["images"][0].reshape(64) / 16).tolist()


@pytest.mark.benchmark(group="digits inference inside one component")
def test_inference(benchmark, figure, sandbox, pixels):
    """Both by their own clock, inside the guest: what a request costs is measured elsewhere."""

    def ask(path):
        body = json.dumps({"pixels": pixels, "times": TIMES[path]}).encode()
        return json.loads(sandbox.call(HostRequest("POST", path, body=body)).body)

    plain = [ask("/plain") for _ in range(3)]
    engine = [benchmark.pedantic(ask, args=("/engine",), rounds=1)] + [ask("/engine") for _ in range(4)]
    label = int(np.load(MODELS / "heldout.npz")["labels"][0])
    assert all(int(np.argmax(said["scores"])) == label for said in (*plain, *engine))
    slow, fast = (min(said["seconds"] for said in runs) for runs in (plain, engine))
    figure("digits inference, by the engine", f"{fast * 1e6:.1f} µs")
    figure("digits inference, in plain Python in the same component", f"{slow * 1e3:.1f} ms")
    figure("the engine against plain Python", f"{slow / fast:,.0f} times faster", "at least 500 times")


def layers(path):
    """An ONNX convnet as the layers that plain.py knows."""
    graph = onnx.load(path).graph
    constants = {i.name: numpy_helper.to_array(i).tolist() for i in graph.initializer}
    return [
        layer(node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}, constants)
        for node in graph.node
    ]


def layer(node, attributes, constants):
    match node.op_type:
        case "Conv":
            return {
                "op": "conv",
                "weight": constants[node.input[1]],
                "bias": constants[node.input[2]],
                "pad": attributes.get("pads", [0])[0],
                "stride": attributes.get("strides", [1])[0],
                "group": attributes.get("group", 1),
            }
        case "Gemm":
            weight = np.array(constants[node.input[1]])
            return {
                "op": "dense",
                "weight": (weight if attributes.get("transB") else weight.T).tolist(),
                "bias": constants[node.input[2]],
            }
        case "MaxPool" | "AveragePool":
            return {
                "op": "maxpool" if node.op_type == "MaxPool" else "meanpool",
                "kernel": attributes["kernel_shape"][0],
                "stride": attributes["strides"][0],
            }
        case other:
            return {"op": {"Relu": "relu", "Flatten": "flatten", "Softmax": "softmax"}[other]}
