from dataclasses import replace

from edgefn.bench.anatomy import Anatomy, Edge, GraphNode, Memory, Part
from edgefn.graph.importers.source import SourcePort
from edgefn.report.anatomy import anatomy

IMAGE, SCORES = SourcePort("image", "f32", (1, 4)), SourcePort("scores", "f32", (1, 2))
MEMORY = Memory(
    arena=1_000,
    bound=1_000,
    pinned_by="op1",
    parts=(Part("scratch", "twice", 900), Part("input", "image", 100)),
    weights=2_000,
    file=3_000,
    linear=131_072,
)
RESIDUAL = Anatomy(
    "m",
    "onnx",
    "17",
    (IMAGE,),
    (SCORES,),
    9,
    32,
    (
        GraphNode("input0", "input", "image", (1, 4), "f32"),
        GraphNode("op0", "dense_f32", "once", (1, 4), "f32", 16, 64, 32),
        GraphNode("op1", "dense_f32", "twice", (1, 4), "f32", 16, 64, 1_000),
        GraphNode("op2", "add_f32", "sum", (1, 4), "f32", 0, 0, 48),
        GraphNode("output0", "output", "scores", (1, 4), "f32"),
    ),
    (Edge("input0", "op0"), Edge("op0", "op1"), Edge("op0", "op2"), Edge("op1", "op2"), Edge("op2", "output0")),
    MEMORY,
    supported=True,
)


def test_a_graph_is_drawn_beside_its_ops_and_then_what_it_takes_of_memory():
    assert anatomy(RESIDUAL).splitlines() == [
        "m: onnx, opset 17",
        "  9 parameters, 32 multiply-accumulates",
        "          op         layer   reads  shape  dtype  MACs  weights  memory",
        "  ●       input      image          1x4    f32",
        "  ●─╮  0  dense_f32  once           1x4    f32      16     64 B    32 B",
        "  ● │  1  dense_f32  twice          1x4    f32      16     64 B    1 kB",
        "  ●─╯  2  add_f32    sum     0      1x4    f32                     48 B",
        "  ●       output     scores         1x4    f32",
        "  arena: 1 kB, the least possible",
        "    decided by op 1, dense_f32 twice:",
        "      900 B scratch of twice",
        "      100 B input image",
        "  weights: 2 kB as the engine reads them in place; the file has 3 kB",
        "  by itself: 131 kB of linear memory, with engine and plan",
    ]


def test_an_arena_above_the_bound_says_so():
    assert "arena: 1.2 kB, 1 kB is the least possible" in anatomy(
        replace(RESIDUAL, memory=replace(MEMORY, arena=1_200))
    )


def test_many_residents_are_counted():
    many = tuple(Part("result", f"layer{i}", 10) for i in range(20))
    shown = anatomy(replace(RESIDUAL, memory=replace(MEMORY, parts=many)))
    assert "layer5" in shown
    assert "layer6" not in shown
    assert "14 more" in shown


def test_the_joined_names_of_tflite_and_long_paths_leave_room_for_the_figures():
    names = ("layer/Relu;layer/BatchNorm;layer/Conv2D", "/".join(["block"] * 20) + "/Conv")
    nodes = tuple(
        GraphNode(f"op{i}", "conv2d_q8", name, (1, 5, 5, 8), "i8", 320_000, 3_330, 9) for i, name in enumerate(names)
    )
    shown = anatomy(replace(RESIDUAL, nodes=nodes, edges=(Edge("op0", "op1"),), memory=None)).splitlines()
    assert "  layer/Relu  " in shown[3]
    assert "block/block/Conv" in shown[4]
    assert max(map(len, shown)) < 120


def test_an_unsupported_model_lists_its_nodes_and_says_why():
    nodes = (GraphNode("op0", "Einsum", "odd", (), ""),)
    shown = anatomy(
        replace(RESIDUAL, nodes=nodes, edges=(), memory=None, supported=False, unsupported=("op Einsum (node 'odd')",))
    )
    assert shown.splitlines()[2:] == [
        "  input   image   f32  1x4",
        "  output  scores  f32  1x2",
        "  Einsum  odd",
        "  not supported:",
        "    op Einsum (node 'odd')",
    ]
