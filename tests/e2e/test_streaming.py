"""A model that remembers, in a component: from call to call within an instance, until it is reset."""

import numpy as np
import pytest

from edgefn.build import build
from edgefn.build.native import open_model
from edgefn.guest.model import Model
from edgefn.guest.tensor import Tensor
from edgefn.host import HostRequest, Worker, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function

pytestmark = pytest.mark.e2e

HANDLER = """
import edgefn
from edgefn import Request, Response, Tensor

model = edgefn.load_model("sum")


def handle(request: Request) -> Response:
    if request.path == "/reset":
        model.reset()
    return Response(str(model(Tensor("float32", (1,), [1]))[0]))
"""
SAMPLE = {"request": {"url": "http://localhost/"}}


@pytest.fixture
def folder(make_function, writer):
    """A function whose model gives the sum of 5 and all it has seen."""
    for name, kind in (("x", "FLOAT32"), ("handle", "RESOURCE"), ("before", "FLOAT32"), ("y", "FLOAT32")):
        writer.tensor(name, () if kind == "RESOURCE" else (1,), kind)
    writer.op("CALL_ONCE", options="CallOnceOptions", fields={"InitSubgraphIndex": 1})
    writer.op("VAR_HANDLE", [], [1], "VarHandleOptions", {"SharedName": "sum"})
    writer.op("READ_VARIABLE", [1], [2])
    writer.op("ADD", [0, 2], [3], "AddOptions")
    writer.op("ASSIGN_VARIABLE", [1, 3])
    writer.subgraph([0], [3])
    writer.tensor("handle", (), "RESOURCE")
    writer.tensor("five", (1,), constant=np.full(1, 5, np.float32))
    writer.op("VAR_HANDLE", [], [0], "VarHandleOptions", {"SharedName": "sum"})
    writer.op("ASSIGN_VARIABLE", [0, 1])
    writer.subgraph(name="once")
    folder = make_function(HANDLER, toml='[models.sum]\nsource = "sum.tflite"\n', samples={"one": SAMPLE})
    (folder / "sum.tflite").write_bytes(writer.data())
    return folder


def test_a_model_remembers_as_long_as_its_instance_lives(folder):
    component = load_component(build(load_function(folder)).component, load_profile("fastly"))

    def answers(*paths, reuse):
        with Worker(component, load_profile("fastly"), reuse=reuse) as worker:
            outcomes = [worker.call(HostRequest(url=f"http://localhost{path}")) for path in paths]
            return [float(outcome.body) for outcome in outcomes]

    assert answers("/", "/", "/reset", "/", reuse=True) == [6, 7, 6, 7]
    assert answers("/", "/", reuse=False) == [6, 6]  # what samples left was forgotten when the component was built


def test_outside_a_component_it_remembers_likewise(folder):
    model, one = Model("sum", open_model("sum", str(folder / "handler.py"))), Tensor("float32", (1,), [1])
    assert [model(one)[0], model(one)[0]] == [6, 7]
    model.reset()
    assert model(one)[0] == 6
