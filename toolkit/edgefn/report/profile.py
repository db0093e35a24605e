"""`edgefn model profile` as text and as a page."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgefn.report.table import shape, short, table
from edgefn.report.units import duration, size

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.bench.profile import ModelProfile, OpProfile

__all__ = ["HEAD", "page", "profile"]

HEAD = b"<!doctype html><!-- Made by `edgefn model profile` -->"  # the template begins with it
TOLERANCE = 0.1  # of ops that add up to a whole inference
BAR = 16  # characters of the longest bar
HUES = 7  # kinds of op that have a colour of their own on the page
TEMPLATE = "profile.html.jinja"


def profile(run: "ModelProfile") -> str:
    """A row an op in the order they run, their sum, and how it compares with whole inferences."""
    rows: list[tuple[str, ...]] = [("", "op", "layer", "shape", "time", "", "", "MACs", "GMAC/s", "weights", "memory")]
    longest = max((op.ms for op in run.ops), default=0.0)
    rows += [_row(number, op, longest) for number, op in enumerate(run.ops)]
    weights, arena = size(run.weights_bytes), size(run.arena_bytes)
    rate = _rate(run.macs / run.total / 1e6 if run.macs and run.total else None)
    rows.append(("", "all", "", "", duration(run.total, longest), "", "", f"{run.macs:,}", rate, weights, arena))
    return "\n".join([f"{run.model} ({_engine(run)})", *table(rows, right=(0, 4, 5, 7, 8, 9, 10)), *_summary(run)])


def page(run: "ModelProfile") -> str:
    """An HTML page that needs nothing else: what took the time, as bars, and the figures behind them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 -- slow to import

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    longest = max((op.ms for op in run.ops), default=0.0)
    environment.filters |= {"size": size, "shape": shape, "rate": _rate}
    environment.filters["duration"] = partial(duration, longest=longest)
    slowest = sorted(range(len(run.ops)), key=lambda i: -run.ops[i].ms)
    return environment.get_template(TEMPLATE).render(
        run=run,
        engine=_engine(run),
        hues={kind.name: min(i, HUES) for i, kind in enumerate(run.kinds)},
        ranks={number: rank for rank, number in enumerate(slowest)},
        longest=longest or 1.0,
        difference=_difference(run),
    )


def _row(number: int, op: "OpProfile", longest: float) -> tuple[str, ...]:
    macs = f"{op.macs:,}" if op.macs else ""
    bar = "█" * round(BAR * op.ms / longest) if longest else ""
    costs = (macs, _rate(op.gmacs), size(op.weights_bytes) if op.weights_bytes else "", size(op.live_bytes))
    times = (duration(op.ms, longest), f"{100 * op.share:.1f} %", bar)
    return (str(number), op.op, short(op.name), shape(op.shape), *times, *costs)


def _summary(run: "ModelProfile") -> list[str]:
    whole, least, call = (duration(ms, run.whole) for ms in (run.whole, run.least, run.call))
    kinds = ", ".join(f"{kind.name} {100 * kind.share:.1f} %" for kind in run.kinds)
    rate = f", {_rate(run.gmacs)} GMAC/s" if run.gmacs else ""
    return [
        f"  whole inferences: {whole} median of {run.rounds}, {least} least{rate}",
        f"  {_difference(run)}",
        *([f"  by kind: {kinds}"] if kinds else []),
        f"  inputs: {run.inputs}; {run.method} ({call})",
    ]


def _engine(run: "ModelProfile") -> str:
    return f"{run.flavour}, with deadline checks" if run.epochs else run.flavour


def _difference(run: "ModelProfile") -> str:
    """How the ops compare with the whole, and what it means when they do not add up."""
    if run.coverage is None:
        return "a whole inference takes no longer than the call that asks for it"
    said = f"the ops' least times add up to {100 * run.coverage:.1f} % of a whole inference's"
    if abs(run.coverage - 1) <= TOLERANCE:
        return said
    small = run.least < len(run.ops) * run.call
    return said + (", which is too short to tell" if small else ": other work disturbed them, measure again")


def _rate(gmacs: float | None) -> str:
    return f"{gmacs:.1f}" if gmacs else ""
