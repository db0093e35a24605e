"""The ops that a run takes, where it is made op by op: a skip leaves out what is behind it."""

from collections.abc import Iterator

from edgefn.engine.standalone import Runner
from edgefn.graph.records import Plan

__all__ = ["taken_ops"]


def taken_ops(runner: Runner, plan: Plan) -> Iterator[int]:
    """The numbers of the ops that a run does, in order; each must have been run when the next is asked for."""
    number = 0
    while number < len(plan.ops):
        yield number
        op = plan.ops[number]
        number += 1 + (int.from_bytes(runner.tensor(op["y"]), "little") if op.code.skips else 0)
