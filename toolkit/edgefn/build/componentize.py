"""componentize-py, driven: from a staged folder to a component, with its failures translated."""

import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from edgefn.build.process import run
from edgefn.build.stage import Staged
from edgefn.errors import BuildError
from edgefn.guest.failure import frame_text

__all__ = ["componentize"]

MARK = "edgefn-failure: "  # printed by edgefn.guest.component
SECONDS = 180


def componentize(staged: Staged, output: Path) -> bytes:
    """Pre-initialise the staged function, and return its component, which is written to `output` on the way.

    Raises BuildError: EFN-B020 when the handler cannot be imported, EFN-B021 when it fails on a sample, EFN-B023 when
    it ends the interpreter, EFN-B022 for anything else.
    """
    paths = [argument for path in staged.paths for argument in ("-p", str(path))]
    done = run(
        [
            *(
                sys.executable,
                "-c",
                "from componentize_py import script; script()",
                "-q",
                "-d",
                str(staged.folder),
                "-w",
                "function",
            ),
            *("componentize", "edgefn_component", *paths, "-o", str(output)),
        ],
        folder=staged.folder,
        seconds=SECONDS,
        scratch=output.parent,
    )
    if done.status == 0 and output.is_file():
        return output.read_bytes()
    raise _translate(done.output)


def _translate(output: str) -> BuildError:
    marked = re.search(re.escape(MARK) + r"(\{.*\})", output)
    if marked is not None:
        with contextlib.suppress(ValueError):  # cut off: told as it is, below
            return _refused(json.loads(marked.group(1)))
    trap = next(
        (line.strip() for line in output.splitlines() if "wasm trap:" in line or "i32 exit status" in line), None
    )
    if trap is not None:
        return BuildError(
            "EFN-B023",
            f"the handler ended the interpreter while it was loaded or ran on a sample: {trap.partition(': ')[2]}",
            hint="os._exit, os.abort and deep recursion in C code do that; find it by taking the samples away",
        )
    return BuildError(
        "EFN-B022", "componentize-py failed", hint="its output is above; run: edgefn doctor", detail=output[-6000:]
    )


def _refused(failure: dict[str, Any]) -> BuildError:
    where = "".join(f"\n  {frame_text(**f)}" for f in failure["frames"] if not f["file"].startswith("<"))
    said = f"{failure['type']}: {failure['message']}{where}"
    detail = f"it printed:\n{failure['printed']}" if failure["printed"] else ""
    if failure["sample"]:
        return BuildError(
            "EFN-B021",
            f"the handler failed on sample {failure['sample']!r}: {said}",
            hint=f"correct the handler, or samples/{failure['sample']}.json",
            detail=detail,
        )
    return BuildError(
        "EFN-B020",
        f"the handler cannot be loaded: {said}",
        hint="it has to import and to define handle(request) without files, network or environment",
        detail=detail,
    )
