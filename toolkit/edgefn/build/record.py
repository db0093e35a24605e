"""What a build leaves beside its component, so that the next one can tell whether anything has changed."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from edgefn.build.sizes import Part, Sizes
from edgefn.project.atomic import write_whole

__all__ = ["Record"]


@dataclass(frozen=True, slots=True)
class Record:
    """`key` is the digest of everything that the component was made from, `sha256` the component's own."""

    key: str
    sha256: str
    sizes: Sizes

    @classmethod
    def of(cls, key: str, component: bytes, sizes: Sizes) -> Self:
        return cls(key, hashlib.sha256(component).hexdigest(), sizes)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The record at `path`; None when there is none that can be read."""
        try:
            said = json.loads(path.read_text())
            sizes = said["sizes"]
            parts = tuple(Part(**part) for part in sizes["parts"])
            return cls(said["key"], said["sha256"], Sizes(sizes["total"], sizes["compressed"], parts))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), indent=1).encode())

    def describes(self, key: str, component: Path) -> bool:
        """Whether `component` is what the build with this key made."""
        try:
            return self.key == key and self.sha256 == hashlib.sha256(component.read_bytes()).hexdigest()
        except OSError:
            return False
