from dataclasses import replace
from math import inf

import numpy as np

from edgefn.graph.ir import Graph, Node
from edgefn.graph.ops import Binary, MatMul
from edgefn.graph.passes.pattern import scalar
from edgefn.graph.passes.walk import Walk, rewrite

__all__ = ["fold_scales"]


def fold_scales(graph: Graph) -> bool:
    """Make a constant factor of a product of matrices, or of what it multiplies, the scale of the product."""
    return rewrite(graph, _visit)


def _visit(walk: Walk, node: Node) -> None:
    if isinstance(node.op, MatMul):
        _of_operands(walk, node, node.op)
    elif not _of_product(walk, node):
        walk.keep(node)


def _of_operands(walk: Walk, node: Node, op: MatMul) -> None:
    inputs, scale = [], op.scale
    for name in node.inputs:
        maker = walk.sole_maker(name)
        source, factor = _factor(walk, maker) if maker else ("", 0.0)
        fits = _holds(scale * factor)
        inputs.append(source if fits else name)
        scale = scale * factor if fits else scale
    walk.emit(node.name, _scaled(op, scale), (inputs[0], inputs[1]), node.output)


def _of_product(walk: Walk, node: Node) -> bool:
    source, factor = _factor(walk, node)
    maker = walk.sole_maker(source) if source else None
    if not maker or not isinstance(maker.op, MatMul) or not _holds(maker.op.scale * factor):
        return False
    walk.emit(maker.name, _scaled(maker.op, maker.op.scale * factor), maker.inputs, node.output)
    return True


def _factor(walk: Walk, node: Node) -> tuple[str, float]:
    """What a node multiplies by a constant of one element, and by how much; else nothing and 0."""
    tensors = walk.graph.tensors
    if node.op not in {Binary("mul"), Binary("div")}:
        return "", 0.0
    operands = (node.inputs, node.inputs[::-1]) if node.op == Binary("mul") else (node.inputs,)
    for source, constant in operands:
        value = scalar(walk, constant)
        if value and tensors[source].shape == tensors[node.output].shape and tensors[source].dtype == "f32":
            return source, value if node.op == Binary("mul") else 1 / value
    return "", 0.0


def _holds(scale: float) -> bool:
    """Whether a scale is one that a product may have."""
    return 0 < float(np.float32(scale)) < inf


def _scaled(op: MatMul, scale: float) -> MatMul:
    return replace(op, scale=float(np.float32(scale)))
