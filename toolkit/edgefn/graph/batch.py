"""Plans of models that take any number of items, compiled for one (docs/spec/plan.md, Meta)."""

from edgefn.graph.records import Plan
from edgefn.guest.signature import MAX_BATCH  # the guest travels alone, so it has it

__all__ = ["MAX_BATCH", "batch_of", "is_of_one_item"]


def is_of_one_item(plan: Plan) -> bool:
    """Whether a plan takes and gives one item in everything, and keeps nothing between them."""
    ports = (plan.tensors[i] for i in (*plan.inputs, *plan.outputs))
    return plan.state_bytes == 0 and all(t.dims[:1] == (1,) for t in ports)


def batch_of(plan: Plan) -> int:
    """How many items the plan can be given at once; 1 where it takes what it was compiled for and nothing else."""
    batch = plan.meta.get("batch")
    return batch if isinstance(batch, int) and 1 < batch <= MAX_BATCH and is_of_one_item(plan) else 1
