"""An exception as data: what a `failure` in a response head says (docs/spec/frame.md)."""

from types import TracebackType
from typing import Any

__all__ = ["describe", "frame_text"]

MAX_MESSAGE = 4096
MAX_FRAMES = 64


def describe(error: BaseException, kind: str, root: str) -> dict[str, Any]:
    """`error` with its Python frames; files below `root` are named relative to it, the SDK's own frames left out.

    The traceback is walked by hand: traceback.format_exc asks the file system for sources, and there is none.
    """
    return {
        "kind": kind,
        "type": type(error).__name__,
        "message": (_message(error) + _advice(error, kind))[:MAX_MESSAGE],
        "frames": _frames(error.__traceback__, root.rstrip("/") + "/"),
    }


def frame_text(file: str, line: int, function: str, times: int = 1) -> str:
    """A frame as people read it."""
    again = f" ({times:,} times)" if times > 1 else ""
    return f"{file}:{line} in {function}{again}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # noqa: BLE001 -- a user's __str__ may raise anything, SystemExit too
        return f"(its message could not be read: {type(broken).__name__})"


def _advice(error: BaseException, kind: str) -> str:
    """What CPython's message cannot know."""
    if kind == "exception" and isinstance(error, ModuleNotFoundError):
        return " (there are no files any more: import it at the top of the handler, when the component is built)"
    return ""


def _frames(trace: TracebackType | None, root: str) -> list[dict[str, Any]]:
    """The frames, without the SDK's own and those of the import machinery above them; recursion is folded."""
    frames: list[dict[str, Any]] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename.removeprefix(root)
        frame = {"file": file, "line": trace.tb_lineno, "function": code.co_name, "times": 1}
        trace = trace.tb_next
        if frames and frames[-1] == {**frame, "times": frames[-1]["times"]}:
            frames[-1]["times"] += 1
        elif not file.startswith("edgefn/guest/") and (frames or "/importlib/" not in file):
            frames.append(frame)
    return frames if len(frames) <= MAX_FRAMES else frames[: MAX_FRAMES // 2] + frames[-MAX_FRAMES // 2 :]
