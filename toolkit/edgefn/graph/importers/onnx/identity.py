"""What does nothing at inference: Identity, Dropout."""

from edgefn.graph.importers.onnx.scope import Call

__all__ = ["identity"]


def identity(call: Call) -> str:
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        call.refuse("the second output (mask)")
    if call.has(2) and call.node.op == "Dropout" and bool(call.constant(2).any()):
        call.refuse("training mode")
    return call.input(0).name
