"""The one door to subprocesses."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import BuildError

__all__ = ["Finished", "run"]

KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended: its status and what it printed, both streams in one."""

    status: int
    output: str


def run(arguments: Sequence[str], *, folder: Path, seconds: float, scratch: Path | None = None) -> Finished:
    """Run a program in `folder` with a scrubbed environment and no standard input.

    Its temporary files go to `scratch`, so that nothing stays of one that is killed. Raises BuildError when it
    cannot be started or does not end within `seconds` (it is killed then).
    """
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"TMPDIR": str(scratch)} if scratch else {}
    try:
        done = subprocess.run(  # noqa: S603 -- an argument list, never a shell
            list(arguments),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise BuildError(
            "EFN-B001", f"cannot start {arguments[0]}: {error.strerror}", hint="run: edgefn doctor"
        ) from None
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            "EFN-B002",
            f"{Path(arguments[0]).name} did not end within {seconds:g} s",
            hint="a loop at the top of the handler's module, or in the handler on a sample request, is the usual cause",
            detail=(error.output or b"").decode(errors="replace")[-4000:],
        ) from None
    return Finished(done.returncode, done.stdout.decode(errors="replace"))
