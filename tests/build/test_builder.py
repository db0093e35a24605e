"""What is built again, and what is not; the same numbers inside a component and outside."""

import json
import sys

import numpy as np
import pytest

from edgefn import Request
from edgefn.build import build, componentize
from edgefn.build.plans import build_plan
from edgefn.errors import BuildError
from edgefn.host import HostRequest, Worker, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function

HANDLER = """
import edgefn
from edgefn import Request, Response

model = edgefn.load_model("digits")


def handle(request: Request) -> Response:
    return Response(model(request.tensor("float32", (1, 1, 8, 8))).tobytes())
"""


@pytest.fixture(scope="module")
def folder(make_function, digits_model):
    made = make_function(HANDLER, toml='[models.digits]\nsource = "digits.onnx"\n')
    (made / "digits.onnx").write_bytes(digits_model.read_bytes())
    return made


@pytest.mark.e2e
def test_a_changed_handler_builds_again_but_does_not_compile_the_model_again(folder):
    (folder / "handler.py").write_text(HANDLER + "\n# not built yet\n")
    first = build(load_function(folder))
    again = build(load_function(folder))
    (folder / "handler.py").write_text(HANDLER + "\n# changed\n")
    changed = build(load_function(folder))
    assert (first.reused, again.reused, changed.reused) == (False, True, False)
    assert changed.models[0].cached


@pytest.mark.e2e
def test_a_damaged_component_is_built_again(folder):
    built = build(load_function(folder))
    built.component.write_bytes(b"damaged")
    assert not build(load_function(folder)).reused


@pytest.mark.e2e
def test_a_handler_gives_the_same_numbers_outside_the_component(folder, digits_model, monkeypatch):
    images = np.load(digits_model.with_name("heldout.npz"))["images"][:20].reshape(20, 64).astype(np.float32) / 16
    profile = load_profile("fastly")
    with Worker(load_component(build(load_function(folder)).component, profile), profile, reuse=True) as worker:
        inside = [worker.call(HostRequest("POST", "/", body=image.tobytes())).body for image in images]
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "handler", raising=False)
    import handler

    outside = [handler.handle(Request("POST", "/", body=image.tobytes())).body for image in images]
    monkeypatch.delitem(sys.modules, "handler", raising=False)
    assert inside == outside
    assert len(set(inside)) > 5


@pytest.mark.e2e
def test_a_handler_that_loops_while_it_is_imported_is_stopped(make_function, monkeypatch):
    monkeypatch.setattr(componentize, "SECONDS", 15)
    folder = make_function("while True:\n    pass\n")
    with pytest.raises(BuildError, match="did not end within 15 s"):
        build(load_function(folder))
    assert not (folder / ".edgefn").exists()


def test_a_damaged_plan_in_the_cache_is_compiled_again(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path))
    (model,) = load_function(folder).models
    good = build_plan(model)
    (cached,) = (tmp_path / "plans").iterdir()
    cached.write_bytes(good.plan[:-1] + b"!")
    mended = build_plan(model)
    assert (mended.plan, mended.cached) == (good.plan, False)
    assert build_plan(model).cached


def test_the_build_record_is_json_that_a_person_can_read(folder):
    built = build(load_function(folder))
    assert json.loads(built.component.with_suffix(".json").read_text())["sizes"]["total"] == built.sizes.total
