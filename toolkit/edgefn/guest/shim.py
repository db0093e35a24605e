"""Between the doors and the handler: whatever the handler does, a door gets a response or a failure."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from edgefn.guest.failure import describe
from edgefn.guest.request import Request
from edgefn.guest.response import Response, verified

__all__ = ["Answer", "Handle", "Shim"]

type Handle = Callable[[Request], Response]


class Answer(NamedTuple):
    """A response or a failure, not yet encoded for a door."""

    status: int
    headers: "list[tuple[str, str]]"
    memory: int
    body: "bytes | str"
    failure: "dict[str, Any] | None"


class Shim:
    """Calls one handler.

    `root` is the folder that the function was staged in, `memory` reads the size of linear memory in bytes.
    """

    def __init__(self, handle: Handle, root: str, memory: Callable[[], int]) -> None:
        self._handle = handle
        self._root = root
        self._memory = memory
        self._seeded = False

    def answer(self, request: Request) -> Answer:
        """What came of `request`; never raises."""
        try:
            if not self._seeded:
                self._reseed()
            response = self._handle(request)
        except Exception as error:  # noqa: BLE001 -- this is the handler's boundary
            return self.failure(error, "exception")
        except SystemExit as error:
            return self.failure(error, "exit")
        except BaseException as error:  # noqa: BLE001 -- KeyboardInterrupt, GeneratorExit and the user's own
            return self.failure(error, "exception")
        try:
            sent = verified(response)
        except Exception as error:  # noqa: BLE001 -- a handler may have put anything into its response
            return self.failure(error, "bad-response")
        return Answer(sent.status, sent.headers, self._memory(), sent.body, None)

    def failure(self, error: BaseException, kind: str) -> Answer:
        """An answer that tells of `error`."""
        return Answer(500, [], self._memory(), "", describe(error, kind, self._root))

    def forget_seed(self) -> None:
        """Seed again before the next request: a snapshot must not hand the same random numbers to every instance."""
        self._seeded = False

    def _reseed(self) -> None:
        random = sys.modules.get("random")
        if random is not None:
            random.seed()
        self._seeded = True
