"""A model compiled to a file of its own: a plan, or a module that runs by itself."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import UsageError
from edgefn.graph.compiler import compile_model, read_model
from edgefn.project.atomic import write_whole

__all__ = ["CompiledFile", "compile_file"]


@dataclass(frozen=True, slots=True)
class CompiledFile:
    source: Path
    output: Path
    nbytes: int
    sha256: str


def compile_file(source: Path, output: Path, flavour: str, dims: Mapping[str, int] | None = None) -> CompiledFile:
    """Compile the model at `source`; the ending of `output` (.plan, .wasm) says to what.

    Raises UsageError (EFN-U030) for another ending.
    """
    if output.suffix not in (".plan", ".wasm"):
        raise UsageError(
            "EFN-U030", f"cannot tell from {output.name!r} what to write", hint="end the name in .plan or .wasm"
        )
    data = compile_model(read_model(source), name=source.stem, dims=dims).plan
    if output.suffix == ".wasm":
        from edgefn.engine.module import embed  # noqa: PLC0415

        data = embed(data, flavour)
    write_whole(output, data)
    return CompiledFile(source, output, len(data), hashlib.sha256(data).hexdigest())
