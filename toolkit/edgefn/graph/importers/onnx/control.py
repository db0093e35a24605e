"""If: the branch that is taken, where that is known; else both, and a choice between what they give.

What only one branch needs is left out of a run that takes the other (edgefn.graph.choice).
"""

from edgefn.graph.importers.onnx.file import OnnxGraph
from edgefn.graph.importers.onnx.labels import constant
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.ops import Select

__all__ = ["choose", "inline"]

type Names = tuple[str, ...]


def choose(call: Call) -> Names:
    """Outputs of both branches must have one type and shape."""
    cond = call.value(0)
    if cond.dtype != "u8" or cond.size != 1:
        call.malformed(f"a condition of {cond.dtype} {cond.shape}")
    yes, no = (call.node.attributes.get(name) for name in ("then_branch", "else_branch"))
    if not isinstance(yes, OnnxGraph) or not isinstance(no, OnnxGraph) or len(yes.outputs) != len(no.outputs):
        call.malformed("it does not have two branches of as many outputs")
    if cond.constant is not None:
        return inline(call, yes if bool(cond.constant.reshape(())) else no)
    scalar = call.reshape(cond.name, ())
    both = zip(inline(call, yes), inline(call, no), strict=True)
    return tuple(_either(call, scalar, a, b) for a, b in both)


def inline(call: Call, branch: OnnxGraph, given: Names = ()) -> Names:
    """What a branch gives for tensors as its inputs; its names mean nothing outside."""
    scope = call.scope
    with scope.branch():
        for name, value in branch.constants.items():
            scope.renew(name)
            scope.names[name] = constant(scope, name, value)
        for name, tensor in zip(branch.inputs, given, strict=False):
            scope.renew(name)
            scope.names[name] = tensor
        for node in branch.nodes:
            scope.visit(scope, node)
        for name in branch.outputs:
            if name not in scope.names:
                call.malformed(f"nothing computes {name!r}, which a branch gives")
        return tuple(scope.names[name] for name in branch.outputs)


def _either(call: Call, cond: str, yes: str, no: str) -> str:
    """One tensor or the other."""
    if yes in call.scope.sequences or no in call.scope.sequences:
        call.refuse("its branches give sequences")
    a, b = (call.scope.running(name) for name in (yes, no))
    if a.name == b.name:
        return a.name
    if a.dtype != b.dtype or a.shape != b.shape:
        call.refuse(f"its branches give {a.dtype} {a.shape} and {b.dtype} {b.shape}")
    q = a.quantization if a.meaning == b.meaning else None
    return call.emit(Select(), (cond, a.name, b.name), a.shape, dtype=a.dtype, quantization=q)
