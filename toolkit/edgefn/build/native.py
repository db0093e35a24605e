"""A handler's models outside a component: compiled on the spot, run by the same engine in wasmtime."""

import threading
from pathlib import Path

from edgefn.build.plans import build_plan
from edgefn.engine.standalone import Runner
from edgefn.guest.signature import OpenedPlan
from edgefn.project import load_function

__all__ = ["open_model"]


def open_model(name: str, handler_file: str) -> OpenedPlan:
    """The model `[models.NAME]` of the function that `handler_file` belongs to.

    This is the entry point `edgefn.engine: native` that `edgefn.load_model` looks up when it does not run inside a
    component.
    """
    here = Path(handler_file).resolve().parent
    folder = next((f for f in (here, *here.parents) if (f / "edgefn.toml").is_file()), here)
    function = load_function(folder)
    model = next((m for m in function.models if m.name == name), None)
    if model is None:
        known = ", ".join(m.name for m in function.models) or "none"
        raise LookupError(f"no model {name!r} in edgefn.toml: declare [models.{name}] (declared: {known})")
    plan = build_plan(model).plan
    runner, alone = Runner(plan, flavour=function.flavour), threading.Lock()

    def run(inputs: tuple[memoryview, ...], outputs: tuple[memoryview, ...]) -> None:
        with alone:  # one instance has one arena; outside a component a handler may have threads
            results = runner.run(inputs)
        for result, target in zip(results, outputs, strict=True):
            target.cast("B")[:] = result

    def reset() -> None:
        with alone:
            runner.reset()

    return OpenedPlan(plan, run, reset)
