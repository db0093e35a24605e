"""A graph beside a table: one line a node, and a rail for every value that a later node reads, as `git log` draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["rails"]

MAX_RAILS = 12
NEXT, APART = "●", "○"
# What a rail looks like where a line meets it: the rightmost one, and one that the line goes on from.
_ENDS = {"begin": "╮┬", "read": "┤•", "end": "╯┴"}


@dataclass(frozen=True, slots=True)
class _Rail:
    source: int
    last: int


def rails(count: int, reads: Mapping[int, Sequence[int]]) -> list[str]:
    """The drawing beside each of `count` nodes, where `reads` has the earlier nodes that each one reads.

    `●` is the first node and any that reads the one above, `○` one that does not. A value that others than the next
    node read gets a rail from its maker to its last reader. No more than MAX_RAILS are drawn.
    """
    last = {source: target for target in sorted(reads) for source in reads[target]}
    places: list[_Rail | None] = []
    lines = []
    for node in range(count):
        sources = reads.get(node, ())
        met = {
            at: _meet(rail, node) for at, rail in enumerate(places) if rail and rail.source in set(sources) - {node - 1}
        }
        if last.get(node, 0) > node + 1:
            met |= _begin(places, _Rail(node, last[node]))
        lines.append((NEXT if node - 1 in sources or node == 0 else APART) + _drawn(places, met))
        places = [None if rail and rail.last == node else rail for rail in places]
    return lines


def _meet(rail: _Rail, node: int) -> str:
    return "end" if rail.last == node else "read"


def _begin(places: list[_Rail | None], rail: _Rail) -> dict[int, str]:
    """Put a rail into the leftmost free place, if there is one."""
    at = places.index(None) if None in places else len(places)
    if at == MAX_RAILS:
        return {}
    places[at : at + 1] = [rail]
    return {at: "begin"}


def _drawn(places: Sequence[_Rail | None], met: Mapping[int, str]) -> str:
    """Two characters a place: what leads there from the node, and the rail."""
    reach = max(met, default=-1)
    text = ""
    for at, rail in enumerate(places):
        line = "─" if at <= reach else " "
        crossing = ("┼" if at < reach else "│") if rail else line
        text += line + (_ENDS[met[at]][at < reach] if at in met else crossing)
    return text.rstrip()
