"""Results as JSON: every command's --json."""

import json
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

from edgefn.errors import EdgefnError

__all__ = ["error_document", "render"]


def render(result: object) -> str:
    """A result dataclass as one line of JSON: its fields in their order, then what it derives from them."""
    return json.dumps(_plain(result), ensure_ascii=False)


def error_document(error: EdgefnError) -> str:
    """What --json prints when a command fails: it stays parseable."""
    said = {"code": error.code, "message": error.message, "hint": error.hint, "exit_status": error.exit_status}
    return json.dumps({"error": said}, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any field of any result
    if is_dataclass(value) and not isinstance(value, type):
        derived = (name for name, member in vars(type(value)).items() if isinstance(member, property))
        names = (*(field.name for field in fields(value)), *derived)
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (Path, date)):
        return str(value)
    return value
