"""The engine inside a component: the extension module beside this package, and the plans staged with it."""

from functools import partial
from pathlib import Path

import _edgefn_engine

from edgefn.guest.signature import OpenedPlan

__all__ = ["affine", "memory_bytes", "open_plan", "release", "scrub"]

PLANS = Path(__file__).parents[2] / "edgefn_plans"

_opened: list[object] = []

affine = _edgefn_engine.affine
memory_bytes = _edgefn_engine.memory_bytes
scrub = _edgefn_engine.scrub


def open_plan(name: str) -> OpenedPlan:
    """The staged plan `name`, loaded into the engine."""
    path = PLANS / f"{name}.plan"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PLANS.glob("*.plan"))) or "none"
        raise LookupError(f"no model {name!r} in edgefn.toml: declare [models.{name}] (declared: {known})")
    plan = path.read_bytes()
    handle = _edgefn_engine.open(plan)
    _opened.append(handle)
    header_and_tables = plan[: _weights_offset(plan)]  # the engine has its own copy of the weights
    return OpenedPlan(header_and_tables, partial(_edgefn_engine.run, handle), partial(_edgefn_engine.reset, handle))


def release() -> None:
    """Give back the working memory of every model, so that a snapshot does not carry it; then all are reset."""
    for handle in _opened:
        _edgefn_engine.release(handle)


def _weights_offset(plan: bytes) -> int:
    return int.from_bytes(plan[48:52], "little")
