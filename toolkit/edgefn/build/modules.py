"""A model compiled to files of its own: a plan, or a module that runs by itself and its JavaScript wrapper."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import UsageError
from edgefn.graph.compiler import compile_model, read_model
from edgefn.project.atomic import refuse_target, write_together

__all__ = ["CompiledFile", "compile_file"]


@dataclass(frozen=True, slots=True)
class CompiledFile:
    """`nbytes` and `sha256` are of `output`; `wrapper` are the JavaScript module and its types, if asked for."""

    source: Path
    output: Path
    nbytes: int
    sha256: str
    wrapper: tuple[Path, ...] = ()


def compile_file(
    source: Path, output: Path, flavour: str, dims: Mapping[str, int] | None = None, *, js: bool = False
) -> CompiledFile:
    """Compile the model at `source`; the ending of `output` (.plan, .wasm) says to what.

    With `js` a JavaScript wrapper and its types are written beside a .wasm. All files are written or none. Raises
    UsageError EFN-U030 for another ending, EFN-U032 for a wrapper of a plan, EFN-U044 for one that cannot be written or
    would replace a file of somebody else's.
    """
    if output.suffix not in (".plan", ".wasm"):
        raise UsageError(
            "EFN-U030", f"cannot tell from {output.name!r} what to write", hint="end the name in .plan or .wasm"
        )
    beside = _wrapper_paths(output) if js else ()
    plan = data = compile_model(read_model(source), name=source.stem, dims=dims).plan
    if output.suffix == ".wasm":
        from edgefn.engine.module import embed  # noqa: PLC0415

        data = embed(plan, flavour)
    files = {output: data}
    if js:
        from edgefn.build.javascript import write_wrapper  # noqa: PLC0415 -- jinja2 is slow to import

        wrapper = write_wrapper(plan, output.name)
        files |= {path: text.encode() for path, text in zip(beside, (wrapper.module, wrapper.types), strict=True)}
    write_together(files)
    return CompiledFile(source, output, len(data), hashlib.sha256(data).hexdigest(), beside)


def _wrapper_paths(output: Path) -> tuple[Path, Path]:
    from edgefn.build.javascript import HEAD  # noqa: PLC0415

    if output.suffix != ".wasm":
        message = f"--js makes a wrapper for a .wasm, and the output is {output}"
        raise UsageError("EFN-U032", message, hint=f"add: -o {output.with_suffix('.wasm')}")
    paths = (output.with_suffix(".js"), output.with_suffix(".d.ts"))
    for path in paths:
        refuse_target(path, HEAD)
    return paths
