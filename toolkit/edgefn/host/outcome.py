"""What came of one request."""

from dataclasses import dataclass

from edgefn.guest.failure import frame_text

__all__ = ["Breach", "Failure", "FailureFrame", "Outcome", "Usage"]


@dataclass(frozen=True, slots=True)
class FailureFrame:
    file: str
    line: int
    function: str
    times: int = 1

    def __str__(self) -> str:
        return frame_text(self.file, self.line, self.function, self.times)


@dataclass(frozen=True, slots=True)
class Failure:
    """The handler did not answer.

    `kind`: those of docs/spec/frame.md, `trap` (abort, exit of the process, stack overflow), and `host` (it could not
    be asked, or broke the frame format).
    """

    kind: str
    type: str
    message: str
    frames: tuple[FailureFrame, ...] = ()

    def __str__(self) -> str:
        where = "".join(f"\n  {frame}" for frame in self.frames)
        return f"{self.type}: {self.message}{where}"


@dataclass(frozen=True, slots=True)
class Breach:
    """A platform limit that the request ran into: `measured` and `limit` in the unit of the limit's name."""

    name: str
    limit: float
    measured: float
    cause: str

    def __str__(self) -> str:
        return f"{self.name} limit of {self.limit:,.10g} ({self.measured:,.10g} measured): {self.cause}"


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_ms` is thread time of the call.

    `start_ms` is the CPU time of instantiation, 0 on a reused instance; `memory_bytes` the peak of linear memory.
    """

    cpu_ms: float
    wall_ms: float
    start_ms: float
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A response; or status 500 and a failure; or what the platform answers (503) and a breach.

    `stdout` and `stderr` are cut at 256 KiB each; `logged_bytes` is how long both were.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    usage: Usage
    failure: Failure | None = None
    breach: Breach | None = None
    stdout: str = ""
    stderr: str = ""
    logged_bytes: int = 0
