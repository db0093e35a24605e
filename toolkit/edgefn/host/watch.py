"""What an outcome used beyond the limits of a profile, of all that can be told afterwards."""

from collections.abc import Iterable, Iterator

from edgefn.host.outcome import Breach, Outcome
from edgefn.limits import Profile

__all__ = ["header_bytes", "watch"]

_CAUSES = {
    "cpu_ms": "the handler computed too long; see where with: edgefn bench",
    "wall_ms": "the handler waited or computed too long",
    "memory_bytes": "the handler and its models need more memory; see their parts with: edgefn model inspect",
    "response_header_bytes": "the response's header fields are too large; send less in them",
    "log_bytes": "the platform drops what is printed beyond it; print less a request",
}


def watch(profile: Profile, outcome: Outcome) -> tuple[Breach, ...]:
    """A breach for every limit that the outcome is beyond, but for the one that it was stopped at."""
    breaches = []
    for name, measured in _measured(outcome):
        limit = profile.value(name)
        stopped = outcome.breach is not None and outcome.breach.name == name
        if limit is not None and measured > limit and not stopped:
            breaches.append(Breach(name, limit, measured, _CAUSES[name]))
    return tuple(breaches)


def header_bytes(headers: Iterable[tuple[str, str]]) -> int:
    """Bytes of header fields as HTTP/1.1 writes them, each with `: ` and a line's end."""
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _measured(outcome: Outcome) -> Iterator[tuple[str, float]]:
    yield "cpu_ms", round(outcome.usage.cpu_ms, 2)
    yield "wall_ms", round(outcome.usage.wall_ms, 2)
    yield "memory_bytes", outcome.usage.memory_bytes or 0
    yield "response_header_bytes", header_bytes(outcome.headers)
    yield "log_bytes", outcome.logged_bytes
