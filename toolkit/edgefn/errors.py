"""One error tree.

    EdgefnError                 exit  code
    ├── UsageError              2     EFN-U…  what was typed or written by the user cannot be taken
    │   └── ConfigError         2     EFN-C…  edgefn.toml, samples
    ├── ModelError              3     EFN-M…  a model or plan cannot be read
    │   └── UnsupportedError    3     EFN-M…  a model uses what the engine does not cover
    ├── BuildError              4     EFN-B…  a component could not be built
    ├── HostError               5     EFN-H…  a component could not be loaded or started
    │   └── NotModelled         5     EFN-H…  a platform facility that is not modelled locally
    └── ExpectationError        1     EFN-T…  a test, budget or check did not hold

A message says what happened and the offending value; `hint` is one command or one edit. Anything else that is raised
is a bug in edgefn and keeps
its traceback.
"""

from typing import ClassVar

__all__ = [
    "BuildError",
    "ConfigError",
    "EdgefnError",
    "ExpectationError",
    "HostError",
    "ModelError",
    "NotModelled",
    "UnsupportedError",
    "UsageError",
]


class EdgefnError(Exception):
    """Root of the tree.

    `code` is stable (documented in docs/reference/errors.md), `hint` says what to do next, `detail` is longer
    evidence such as a tool's output.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, hint: str, detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.detail = detail

    def __reduce__(self) -> tuple[object, ...]:
        state = {"hint": self.hint, "detail": self.detail}
        return _rebuild, (type(self), self.code, self.message, state)


def _rebuild(kind: type[EdgefnError], code: str, message: str, state: dict[str, str]) -> EdgefnError:
    return kind(code, message, hint=state["hint"], detail=state["detail"])


class UsageError(EdgefnError):
    exit_status = 2


class ConfigError(UsageError):
    pass


class ModelError(EdgefnError):
    exit_status = 3


class UnsupportedError(ModelError):
    pass


class BuildError(EdgefnError):
    exit_status = 4


class HostError(EdgefnError):
    exit_status = 5


class NotModelled(HostError):
    pass


class ExpectationError(EdgefnError):
    exit_status = 1
