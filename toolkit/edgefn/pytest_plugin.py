"""The pytest plugin: functions at hand in a user's own tests. pytest finds it by its entry point."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edgefn.testing import Trial

__all__ = ["edgefn_function"]


@pytest.fixture(scope="session")
def edgefn_function(request: pytest.FixtureRequest) -> "Iterator[Callable[..., Trial]]":
    """Give a function by its folder, relative to pytest's root, under a profile: built once a session.

    `edgefn_function("functions/digits", "cloudflare-free").post("/", image).assert_within(cpu_ms=5)`
    """
    from edgefn.testing import Trial  # noqa: PLC0415 -- a session that does not ask for it does not wait for it

    root = request.config.rootpath
    trials: dict[tuple[Path, str, bool], Trial] = {}
    with ExitStack() as stack:

        def give(folder: str | Path = ".", profile: str = "fastly", *, reuse: bool = False) -> Trial:
            key = ((root / folder).resolve(), profile, reuse)
            if key not in trials:
                trials[key] = stack.enter_context(Trial(key[0], profile, reuse=reuse))
            return trials[key]

        yield give
