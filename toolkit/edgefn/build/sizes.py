"""Which part of a component takes how many bytes."""

import gzip
import marshal
from dataclasses import dataclass
from pathlib import Path

from edgefn.build.wasm import core_modules
from edgefn.limits import Profile

__all__ = ["Part", "Sizes", "measure"]


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    nbytes: int
    note: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """A component's bytes by part; the parts add up to `total`. `compressed` is gzip at level 6."""

    total: int
    compressed: int
    parts: tuple[Part, ...]

    def package(self, profile: Profile) -> int:
        """The size that a platform counts."""
        return self.compressed if profile.package == "compressed" else self.total


def measure(component: bytes, *, engine: int, weights: int, sources: list[tuple[str, Path]]) -> Sizes:
    """Attribute the bytes of `component`, which holds `engine` and `weights` bytes of those and the code of `sources`.

    Plans and code live in the memory snapshot, where nothing marks them: a plan is counted with its file's size, code
    with that of its marshalled
    code objects. What is left of the snapshot is the standard library and the interpreter's own heap.
    """
    modules = core_modules(component)
    snapshot = sum(m.data_bytes for m in modules)
    interpreter = sum(m.nbytes - m.data_bytes for m in modules) - engine
    handler = _code_bytes(sources, vendored=False)
    # What is never imported takes no room, and which modules are is known inside only: at most what is left.
    vendored = min(_code_bytes(sources, vendored=True), max(0, snapshot - weights - handler))
    parts = (
        Part("interpreter", interpreter, "CPython, libc and the component's glue"),
        Part("standard library", snapshot - weights - handler - vendored, "memory snapshot: imported modules and heap"),
        Part("dependencies", vendored, "vendor/, as code objects (estimated)"),
        Part("handler", handler, "the function's own modules, as code objects (estimated)"),
        Part("engine", engine, "SIMD kernels"),
        Part("weights", weights, "compiled plans"),
        Part("component tables", len(component) - sum(m.nbytes for m in modules), "types, names, section headers"),
    )
    return Sizes(len(component), len(gzip.compress(component, 6)), parts)


def _code_bytes(sources: list[tuple[str, Path]], *, vendored: bool) -> int:
    chosen = [(name, path) for name, path in sources if name.startswith("vendor/") == vendored and name.endswith(".py")]
    return sum(_compiled_bytes(name, path.read_bytes()) for name, path in chosen)


def _compiled_bytes(name: str, source: bytes) -> int:
    try:
        return len(marshal.dumps(compile(source, name, "exec")))
    except (SyntaxError, ValueError, RecursionError):  # templates and Python 2 in vendored packages
        return 0
