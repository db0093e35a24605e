"""`edgefn model compare` as text."""

from typing import TYPE_CHECKING

from edgefn.report.table import shape, short, table

if TYPE_CHECKING:  # a view needs the shape of a result, not the code that made it
    from edgefn.bench.compare import Comparison, LayerDifference
    from edgefn.bench.difference import Difference

__all__ = ["comparison"]

_FIGURES = ("largest", "RMSE", "relative", "cosine")


def comparison(found: "Comparison") -> str:
    """How far the outputs are apart, then the layers in order, and the first that parts."""
    a, b = (f"{name} ({flavour})" for name, flavour in zip((found.a, found.b), found.flavours, strict=True))
    outputs: list[tuple[str, ...]] = [("output", "shape", *_FIGURES, "same highest")]
    for o in found.outputs:
        agreement = "" if o.agreement is None else f"{100 * o.agreement:.1f} %"
        outputs.append((short(o.name), shape(o.shape), *_figures(o.difference), agreement))
    return "\n".join(
        [
            f"A: {a}, B: {b}; {found.cases} case{'s' if found.cases > 1 else ''}",
            *table(outputs, right=(2, 3, 4, 5, 6)),
            *_layers(found),
        ]
    )


def _layers(found: "Comparison") -> list[str]:
    if not found.layers:
        return ["  no layers are called alike: only the outputs were compared"]
    rows: list[tuple[str, ...]] = [("A", "B", "layer", "ops", "shape", *_FIGURES, "")]
    for place, layer in enumerate(found.layers):
        mark = "<- parts here" if place == found.parted else ""
        row = (str(layer.a), str(layer.b), short(layer.name), _ops(layer), shape(layer.shape))
        rows.append((*row, *_figures(layer.difference), mark))
    lines = table(rows, right=(0, 1, 5, 6, 7, 8))
    if any(found.unmatched):
        lines.append(
            f"  ops without a counterpart: {found.unmatched[0]} of {found.a}, {found.unmatched[1]} of {found.b}"
        )
    return [*lines, f"  {_verdict(found)}"]


def _ops(layer: "LayerDifference") -> str:
    return layer.a_op if layer.a_op == layer.b_op else f"{layer.a_op}, {layer.b_op}"


def _figures(d: "Difference") -> tuple[str, ...]:
    relative = "" if d.relative is None else f"{d.relative:.2g}"
    cosine = "" if d.cosine is None else f"{d.cosine:.6f}"
    return (f"{d.largest:.3g}" + (f", {d.odd} odd" if d.odd else ""), f"{d.rmse:.3g}", relative, cosine)


def _verdict(found: "Comparison") -> str:
    if found.parted is None:
        return f"no layer parts: none is above a relative difference of {found.threshold:g}"
    layer = found.layers[found.parted]
    where = f"{short(layer.name)} (ops {layer.a} and {layer.b})"
    return f"they part at {where}, the first above a relative difference of {found.threshold:g}"
