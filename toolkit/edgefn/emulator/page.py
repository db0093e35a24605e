"""What a platform answers in the place of a handler that it stopped."""

from edgefn.host import Breach, Outcome
from edgefn.limits import Profile

__all__ = ["answered"]

EXPLANATION = "x-edgefn-breach"
_MAX_EXPLANATION = 1000
_EXCEEDED = "Error 1102: Worker exceeded resource limits"  # its outcomes are exceededCpu and exceededMemory


def answered(profile: Profile, outcome: Outcome) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body for the client: the handler's, the platform's own, or what went wrong, for who develops it."""
    headers, body = list(outcome.headers), outcome.body
    if outcome.breach is not None:
        headers.append((EXPLANATION, _one_line(outcome.breach)))
        body = body or _of_platform(profile, outcome.breach)
    elif outcome.failure is not None:
        body = body or f"{outcome.failure}\n".encode()
    return headers, body


def _of_platform(profile: Profile, breach: Breach) -> bytes:
    if profile.platform == "cloudflare" and breach.name in {"cpu_ms", "memory_bytes"}:
        return f"{_EXCEEDED}\n".encode()
    return b"Service Unavailable\n"


def _one_line(breach: Breach) -> str:
    text = " ".join(str(breach).split())[:_MAX_EXPLANATION]
    return text.encode("ascii", "replace").decode("ascii")
