"""Files of another kind than the reader expects, told by their first bytes."""

from dataclasses import dataclass
from pathlib import Path

from edgefn.errors import ModelError
from edgefn.graph.header import MAGIC

__all__ = ["Kind", "refuse_foreign", "refuse_text"]

_KINDS = (
    (4, b"TFL3", "a TFLite model"),
    (0, MAGIC, "a compiled plan"),
    (0, b"PK\x03\x04", "a zip archive (a PyTorch checkpoint or Keras model?)"),
    (0, b"\x89HDF", "an HDF5 file (a Keras model?)"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x1f\x8b", "a gzip archive"),
)
_ONNX = "an ONNX model"
_DOWNLOAD = "download the file itself, not the page around it"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a reader expects: its name with an article ("an ONNX model"), and how to come by one."""

    name: str
    hint: str


def refuse_foreign(data: bytes, source: Path, wanted: Kind) -> None:
    """Refuse, with ModelError EFN-M003, a file that is empty or begins like another kind than the wanted one."""
    if not data:
        raise ModelError("EFN-M003", f"{source} is empty", hint="download or export the model again")
    kind = _kind(data)
    if kind and kind != wanted.name:
        raise ModelError("EFN-M003", f"{source} is not {wanted.name}: it looks like {kind}", hint=wanted.hint)
    if data[:512].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise ModelError("EFN-M003", f"{source} is not {wanted.name}: it looks like a web page", hint=_DOWNLOAD)


def refuse_text(data: bytes, source: Path, wanted: Kind) -> None:
    """Refuse, with ModelError EFN-M003, what begins like text; to be asked once it cannot be the wanted kind."""
    if all(b in b"\t\n\r" or 32 <= b < 127 for b in data[:256]):
        raise ModelError("EFN-M003", f"{source} is not {wanted.name}: it looks like text", hint=wanted.hint)


def _kind(data: bytes) -> str | None:
    known = (kind for offset, magic, kind in _KINDS if data[offset : offset + len(magic)] == magic)
    return next(known, _ONNX if _onnx(data) else None)


def _onnx(data: bytes) -> bool:
    """Whether it begins as exporters write ONNX: the IR version (field 1), then the tag of one of the fields 2 to 8."""
    return len(data) > 2 and data[0] == 0x08 and 0 < data[1] < 32 and data[2] in b"\x12\x1a\x22\x28\x32\x3a\x42"
