"""A function under a profile, asked from a user's own tests."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgefn.build import build
from edgefn.host import HostRequest, Outcome, Worker, load_component
from edgefn.limits import Profile, load_profile, tighten
from edgefn.project import load_function

__all__ = ["Reply", "Trial"]

type Headers = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a function answered, and what that took.

    A handler that failed or was stopped has the status that its platform would give; `outcome` says why.
    """

    outcome: Outcome

    @property
    def status(self) -> int:
        return self.outcome.status

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return self.outcome.headers

    @property
    def body(self) -> bytes:
        return self.outcome.body

    @property
    def text(self) -> str:
        """The body as UTF-8. Raises UnicodeDecodeError."""
        return self.body.decode()

    def json(self) -> Any:  # noqa: ANN401 -- whatever the handler said
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)

    def assert_within(
        self, *, cpu_ms: float | None = None, wall_ms: float | None = None, memory_mb: float | None = None
    ) -> None:
        """Raise AssertionError unless the handler answered within these budgets; MB is 1,000,000 bytes."""
        if wrong := self.outcome.breach or self.outcome.failure:
            raise AssertionError(str(wrong))
        usage = self.outcome.usage
        measured = (
            ("cpu_ms", cpu_ms, usage.cpu_ms),
            ("wall_ms", wall_ms, usage.wall_ms),
            ("memory_mb", memory_mb, (usage.memory_bytes or 0) / 1e6),
        )
        over = [
            f"{name} is {used:.4g}, at most {budget:.4g} was wanted"
            for name, budget, used in measured
            if budget is not None and used > budget
        ]
        if over:
            raise AssertionError("; ".join(over))


class Trial:
    """Built once; every request meets a fresh instance, or with `reuse` the one before it left.

    Raises EdgefnError when the function cannot be built or the component not be started.
    """

    def __init__(self, folder: Path, profile: str = "fastly", *, reuse: bool = False) -> None:
        function = load_function(folder)
        self.profile: Profile = tighten(load_profile(profile), function.budgets)
        self._worker = Worker(load_component(build(function).component, self.profile), self.profile, reuse=reuse)

    def request(self, method: str, url: str, body: bytes | str = b"", headers: Headers = ()) -> Reply:
        """Ask the function."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        content = body.encode() if isinstance(body, str) else body
        lower = tuple((name.lower(), value) for name, value in pairs)
        return Reply(self._worker.call(HostRequest(method, url, lower, content)))

    def get(self, url: str = "/", headers: Headers = ()) -> Reply:
        return self.request("GET", url, headers=headers)

    def post(self, url: str = "/", body: bytes | str = b"", headers: Headers = ()) -> Reply:
        return self.request("POST", url, body, headers)

    def close(self) -> None:
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
