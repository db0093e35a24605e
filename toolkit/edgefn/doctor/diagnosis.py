"""What a check found."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Diagnosis", "Health"]

type Health = Literal["ok", "warn", "fail", "error"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`error` says that the check itself failed: nothing is known. `remedy` is one command or edit, empty when ok."""

    name: str
    status: Health
    message: str
    remedy: str
