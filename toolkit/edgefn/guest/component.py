"""The component's own start: import the handler, load its models, run its samples, then be snapshotted.

What happens at this module's top level happens once, at build time, with files at hand; the doors run at request time, without.
"""

import gc
import importlib
import json
import sys
from pathlib import Path

from wit_world import WitWorld as World

from edgefn.guest import engine
from edgefn.guest.doors import bytes as bytes_door
from edgefn.guest.doors import text as text_door
from edgefn.guest.failure import describe
from edgefn.guest.shim import Shim

__all__ = ["WitWorld"]

ROOT = Path(__file__).parents[2]
MARK = "edgefn-failure: "  # what the builder looks for in componentize-py's output


def _refuse(failure: "dict[str, object]", sample: str = "") -> None:
    print(MARK + json.dumps({**failure, "sample": sample}), file=sys.stderr, flush=True)  # noqa: T201 -- the only way out of a build
    raise SystemExit(1)


def _load() -> Shim:
    stage = json.loads((ROOT / "edgefn_stage.json").read_text())
    try:
        for name in stage["preload"]:
            importlib.import_module(name)
        module = importlib.import_module(stage["handler"])
        handle = getattr(module, "handle", None)
        if not callable(handle):
            raise AttributeError(f"{stage['handler']}.py has no function handle(request)")
    except BaseException as error:  # noqa: BLE001 -- a handler may raise anything while it is imported
        _refuse(describe(error, "import", str(ROOT)))
    shim = Shim(handle, str(ROOT), engine.memory_bytes)
    for sample in stage["samples"]:
        head = json.loads(text_door.answer(shim, sample["frame"]).partition("\n")[0])
        if "failure" in head:
            _refuse(head["failure"], sample["name"])
    return shim


SHIM = _load()
SHIM.forget_seed()
engine.release()
gc.collect()
gc.freeze()  # what the snapshot holds is never garbage: collections neither walk it nor touch its pages


class WitWorld(World):
    """The exports of `edgefn:function/function`."""

    def text(self, frame: str) -> str:
        return text_door.answer(SHIM, frame)

    def bytes(self, frame: bytes) -> bytes:
        return bytes_door.answer(SHIM, frame)
