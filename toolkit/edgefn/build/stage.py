"""The folder that becomes the component: guest, handler, plans, engine and warm-up requests, and nothing else."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

from edgefn.build.audit import Audit
from edgefn.engine.library import extension_path
from edgefn.errors import BuildError
from edgefn.project import Function, Sample
from edgefn.project.cache import digest
from edgefn.project.function import NOT_TAKEN

__all__ = ["Staged", "function_files", "stage"]

TAKEN = frozenset({".py", ".json", ".txt", ".bin", ".csv"})
NATIVE = frozenset({".so", ".dylib", ".pyd", ".dll"})  # in vendor/ all but these: packages bring data of any kind
MAX_SOURCE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Staged:
    """`paths` is what Python searches inside the component, in order."""

    folder: Path
    paths: tuple[Path, ...]

    def digest(self) -> str:
        """SHA-256 of every name and content: what a component is made from, and what tells one build from another."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return digest(
            *(part for path in files for part in (path.relative_to(self.folder).as_posix(), path.read_bytes()))
        )


def function_files(function: Function) -> list[tuple[str, Path]]:
    """The function's own files as sorted pairs of POSIX path and file; dot files, samples and tests stay at home."""
    found = sorted((path.relative_to(function.folder).as_posix(), path) for path in _own(function.folder))
    total = sum(path.stat().st_size for _, path in found)
    if total > MAX_SOURCE_BYTES:
        raise BuildError(
            "EFN-B012",
            f"the function's folder holds {total:,} bytes of sources, at most {MAX_SOURCE_BYTES:,} are taken",
            hint="move what the handler does not import out of the folder (models are named by [models.NAME] source)",
        )
    return found


def stage(
    function: Function, plans: Mapping[str, bytes], samples: tuple[Sample, ...], audited: Audit, folder: Path
) -> Staged:
    """Lay out `folder` (empty or absent) for componentize-py."""
    root = folder / "function"
    root.mkdir(parents=True)
    for name, path in function_files(function):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / name)
    _guest(root)
    shutil.copyfile(extension_path(function.flavour), root / "_edgefn_engine.abi3.so")
    (root / "edgefn_plans").mkdir()
    for name, plan in sorted(plans.items()):
        (root / "edgefn_plans" / f"{name}.plan").write_bytes(plan)
    (root / "edgefn_stage.json").write_text(json.dumps(_start(function, samples, audited), sort_keys=True))
    (root / "edgefn_component.py").write_text("from edgefn.guest.component import WitWorld\n")
    with as_file(files("edgefn") / "wit" / "function.wit") as wit:
        shutil.copyfile(wit, folder / "function.wit")
    vendor = root / "vendor"
    return Staged(folder, (root, vendor) if vendor.is_dir() else (root,))


def _own(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name == "vendor":
            yield from _below(path, lambda file: file.suffix not in NATIVE)
        elif path.name not in NOT_TAKEN:
            yield from _below(path, lambda file: file.suffix in TAKEN)


def _below(path: Path, taken: Callable[[Path], bool]) -> Iterator[Path]:
    """`path` or the files below it. Links to files are followed; one to a folder could lead anywhere, and round."""
    if path.name.startswith(".") or path.name == "__pycache__":
        return
    if path.is_file():
        yield from (path,) if taken(path) else ()
    elif path.is_symlink():
        raise BuildError(
            "EFN-B013", f"{path} is a link to no file", hint="put the folder itself there, or remove the link"
        )
    elif path.is_dir() and not (path / "pyvenv.cfg").exists():
        for inner in path.iterdir():
            yield from _below(inner, taken)


def _guest(root: Path) -> None:
    package = root / "edgefn"
    with as_file(files("edgefn")) as source:
        for path in sorted(source.glob("guest/**/*.py")):
            target = package / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        shutil.copyfile(source / "__init__.py", package / "__init__.py")


def _start(function: Function, samples: tuple[Sample, ...], audited: Audit) -> dict[str, object]:
    module = function.handler.relative_to(function.folder).with_suffix("").as_posix().replace("/", ".")
    warm = [{"name": sample.name, "frame": _frame(sample)} for sample in samples]
    late = {name: asdict(imports) for name, imports in audited.late.items()}
    return {"handler": module, "late": late, "samples": warm}


def _frame(sample: Sample) -> str:
    request = sample.request
    head = {
        "id": f"sample-{sample.name}",
        "method": request.method,
        "url": request.url,
        "headers": [list(h) for h in request.headers],
        "client": {},
        "enc": "base64",
    }
    return f"{json.dumps(head)}\n{base64.b64encode(request.body).decode('ascii')}"
