"""The passes in order."""

from collections.abc import Callable
from functools import partial

from edgefn.graph.ir import Graph
from edgefn.graph.passes.activation import fold_activations
from edgefn.graph.passes.axes import gather_axes
from edgefn.graph.passes.batch_norm import fold_batch_norms
from edgefn.graph.passes.bias import fold_biases
from edgefn.graph.passes.constant_channels import remove_constant_channels
from edgefn.graph.passes.constants import fold_constants
from edgefn.graph.passes.dead import remove_dead
from edgefn.graph.passes.duplicates import merge_duplicates
from edgefn.graph.passes.dynamic import fuse_dynamic
from edgefn.graph.passes.flatten import absorb_flattening
from edgefn.graph.passes.flips import cancel_flips
from edgefn.graph.passes.gelu import fuse_gelus
from edgefn.graph.passes.hoist import hoist, sink_dequantizes
from edgefn.graph.passes.layer_norm import fuse_layer_norms
from edgefn.graph.passes.layout import sink_transposes
from edgefn.graph.passes.lookups import merge_lookups
from edgefn.graph.passes.one_hot import gather_one_hots, hoist_to_tables
from edgefn.graph.passes.pads import fold_pads
from edgefn.graph.passes.quantized import fuse_quantized
from edgefn.graph.passes.scale import fold_scales
from edgefn.graph.passes.shapes import merge_reshapes, relax_transposes
from edgefn.graph.passes.strides import absorb_moves
from edgefn.graph.passes.tables import look_up

__all__ = ["optimize"]

type Pass = Callable[[Graph], bool]

# A correct graph comes out of every round; more rounds only find less. Real models need three or four.
MAX_ROUNDS = 16

_TIDY: tuple[Pass, ...] = (merge_reshapes, merge_duplicates, remove_dead)
_STAGES: tuple[tuple[Pass, ...], ...] = (
    (cancel_flips, partial(sink_transposes, through_quantization=True), *_TIDY),
    (fuse_layer_norms, fuse_gelus, *_TIDY),
    (
        fold_batch_norms,
        fold_biases,
        fold_pads,
        gather_one_hots,
        hoist_to_tables,
        fuse_dynamic,
        hoist,
        fold_activations,
        *_TIDY,
    ),
    (hoist, sink_dequantizes, look_up, fuse_quantized, fold_pads, fold_activations, *_TIDY),
    (fold_constants, fold_biases, merge_lookups, *_TIDY),
    (
        partial(sink_transposes, through_quantization=False),
        absorb_flattening,
        relax_transposes,
        absorb_moves,
        fold_scales,
        *_TIDY,
    ),
    (gather_axes, *_TIDY),
)
_NARROWING: tuple[Pass, ...] = (remove_constant_channels, *_TIDY)


def optimize(graph: Graph, *, whole: bool = False) -> None:
    """Run every stage until it changes nothing; `whole` keeps the channels of every layer."""
    for stage in _STAGES if whole else (*_STAGES, _NARROWING):
        for _ in range(MAX_ROUNDS):
            changed = [run(graph) for run in stage]
            if not any(changed):
                break
