"""Loops and choices of TFLite models, and shapes that they compute of constants and of their inputs' sizes."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

F = np.float32
STEPS = 4
OPEN = np.array([-1, 3], np.int32)


@pytest.fixture
def run(run_tflite):
    """The only output of a model."""
    return lambda writer, *inputs, **tolerance: run_tflite(writer, *inputs, **tolerance)[0]


def add(writer, a, b, shape, kind="FLOAT32"):
    y = writer.tensor("sum", shape, kind)
    writer.op("ADD", [a, b], [y], "AddOptions")
    return y


def constant(writer, value, kind="INT32"):
    value = np.asarray(value)
    return writer.tensor("constant", value.shape, kind, value)


def looked_up(writer, table, index, kind="INT32"):
    """Write `table[index]`, a scalar."""
    y = writer.tensor("found", (), kind)
    writer.op("GATHER", [constant(writer, table, kind), index], [y], "GatherOptions")
    return y


def counting(writer, steps):
    """The subgraph of a condition that holds for so many rounds, by a counter, the first of two values."""
    count = writer.tensor("count", (), "INT32")
    writer.tensor("value", (1, 3))
    writer.subgraph([0, 1], [looked_up(writer, np.arange(32) < steps, count, "BOOL")], "condition")


def looping(writer, *, steps=STEPS, **fields):
    """A model that doubles its input in every round of a loop."""
    x, zero = writer.tensor("x", (1, 3)), constant(writer, np.int32(0))
    count, y = writer.tensor("end", (), "INT32"), writer.tensor("y", (1, 3))
    fields = {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2} | fields
    writer.op("WHILE", [zero, x], [count, y], "WhileOptions", fields)
    writer.subgraph([x], [y])
    counting(writer, steps)
    writer.tensor("count", (), "INT32"), writer.tensor("value", (1, 3))
    following = looked_up(writer, np.arange(1, 33, dtype=np.int32), 0)
    writer.subgraph([0, 1], [following, add(writer, 1, 1, (1, 3))], "body")
    return writer


def test_a_loop_runs_as_often_as_its_condition_holds(writer, run):
    x = np.array([[1, -2, 0.5]], F)
    np.testing.assert_array_equal(run(looping(writer), x), x * 2**STEPS)


def test_a_loop_whose_condition_does_not_hold_gives_what_it_was_given(writer, run):
    x = np.array([[1, -2, 0.5]], F)
    np.testing.assert_array_equal(run(looping(writer, steps=0), x), x)


@pytest.mark.parametrize("index", [0, 3, -1])
def test_a_loop_without_its_subgraphs_is_malformed(writer, compiled_tflite, index):
    with pytest.raises(ModelError, match=f"its body_subgraph_index is {index} of 3") as error:
        compiled_tflite(looping(writer, BodySubgraphIndex=index))
    assert error.value.code == "EFN-M006"


def itself(writer):
    y = writer.tensor("y", (1, 3))
    writer.op("WHILE", [0], [y], "WhileOptions", {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2})
    return y


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (itself, "inside another"),
        (lambda writer: add(writer, 0, 0, (1, 3)), "at most 32,768"),
        (lambda _: 0, "at most 32,768"),
    ],
    ids=["in itself", "without an end", "of rounds that do nothing"],
)
def test_a_loop_that_never_ends_is_refused(writer, compiled_tflite, body, said):
    x, y = writer.tensor("x", (1, 3)), writer.tensor("y", (1, 3))
    writer.op("WHILE", [x], [y], "WhileOptions", {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2})
    writer.subgraph([x], [y])
    writer.tensor("value", (1, 3))
    writer.subgraph([0], [constant(writer, np.bool_(True), "BOOL")], "condition")
    writer.tensor("value", (1, 3))
    writer.subgraph([0], [body(writer)], "body")
    with pytest.raises(ModelError, match=said) as error:
        compiled_tflite(writer)
    assert error.value.code == "EFN-M008"


def test_a_loop_whose_rounds_only_a_run_knows_is_refused(writer, compiled_tflite):
    x, held = writer.tensor("x", (1, 3)), writer.tensor("held", (), "BOOL")
    writer.op("WHILE", [held, x], [writer.tensor("end", (), "BOOL"), writer.tensor("y", (1, 3))], "WhileOptions",
              {"CondSubgraphIndex": 1, "BodySubgraphIndex": 1})  # fmt: skip
    writer.subgraph([x, held], [3])
    writer.tensor("held", (), "BOOL"), writer.tensor("value", (1, 3))
    writer.subgraph([0, 1], [0], "condition")
    with pytest.raises(UnsupportedError, match="only a run knows how many rounds") as error:
        compiled_tflite(writer)
    assert error.value.code == "EFN-M011"


@pytest.mark.parametrize("steps", [4, 70])
def test_a_loop_that_fills_a_list_joins_what_its_rounds_give_once(writer, compiled_tflite, steps):
    """As converters write lists: what is before, the new element, what is behind."""
    x, zero, empty = writer.tensor("x", (1, 3)), constant(writer, np.int32(0)), np.zeros((steps, 3), F)
    items = constant(writer, empty, "FLOAT32")
    ends = [writer.tensor("end", s, k) for s, k in (((), "INT32"), ((1, 3), "FLOAT32"), ((steps, 3), "FLOAT32"))]
    fields = {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2}
    writer.op("WHILE", [zero, x, items], ends, "WhileOptions", fields)
    writer.subgraph([x], [ends[2]])
    count = writer.tensor("count", (), "INT32")
    writer.tensor("value", (1, 3)), writer.tensor("list", (steps, 3))
    writer.subgraph([0, 1, 2], [looked_up(writer, np.arange(steps + 1) < steps, count, "BOOL")], "condition")
    writer.tensor("count", (), "INT32"), writer.tensor("value", (1, 3)), writer.tensor("list", (steps, 3))
    following = looked_up(writer, np.arange(1, steps + 2, dtype=np.int32), 0)
    doubled, one = add(writer, 1, 1, (1, 3)), constant(writer, np.array([1], np.int32))
    parts = []
    for begin, size in ((None, 0), (following, -1)):
        wide = writer.tensor("wide", (1,), "INT32")
        writer.op("RESHAPE", [following if begin else 0, one], [wide], "ReshapeOptions")
        rest, pair = constant(writer, np.array([0 if begin else -1], np.int32)), writer.tensor("pair", (2,), "INT32")
        writer.op("CONCATENATION", [wide, rest], [pair], "ConcatenationOptions", {"Axis": 0})
        bounds = [pair, constant(writer, OPEN * 0 - 1)] if begin else [constant(writer, OPEN * 0), pair]
        parts.append(writer.tensor("part", (1, 3), ShapeSignature=OPEN))
        writer.op("SLICE", [2, *bounds], [parts[-1]], "SliceOptions")
        assert size in {0, -1}
    items = writer.tensor("items", (steps, 3))
    writer.op("CONCATENATION", [parts[0], doubled, parts[1]], [items], "ConcatenationOptions", {"Axis": 0})
    writer.subgraph([0, 1, 2], [following, doubled, items], "body")
    plan, value = compiled_tflite(writer).plan, np.array([[1, -2, 0.5]], F)
    (found,) = evaluate(read_plan(plan), [value])
    np.testing.assert_array_equal(found, np.concatenate([value * F(2) ** (i + 1) for i in range(steps)]))
    joints = [op for op in read_plan(plan).ops if op.code.name == "concat"]
    assert len(joints) <= 3


def test_weights_of_a_loop_are_there_once(writer, compiled_tflite):
    weights = np.eye(3, dtype=F) * F(0.5)
    x, zero = writer.tensor("x", (1, 3)), constant(writer, np.int32(0))
    ends = [writer.tensor("end", (), "INT32"), writer.tensor("y", (1, 3))]
    writer.op("WHILE", [zero, x], ends, "WhileOptions", {"CondSubgraphIndex": 1, "BodySubgraphIndex": 2})
    writer.subgraph([x], ends[1:])
    counting(writer, STEPS)
    writer.tensor("count", (), "INT32"), writer.tensor("value", (1, 3))
    following = looked_up(writer, np.arange(1, 33, dtype=np.int32), 0)
    product = writer.tensor("product", (1, 3))
    writer.op("FULLY_CONNECTED", [1, constant(writer, weights, "FLOAT32")], [product], "FullyConnectedOptions")
    writer.subgraph([0, 1], [following, product], "body")
    plan, value = read_plan(compiled_tflite(writer).plan), np.array([[1, -2, 0.5]], F)
    np.testing.assert_array_equal(evaluate(plan, [value])[0], value * F(0.5) ** STEPS)
    layers = [op["w"] for op in plan.ops if op.code.name == "dense_f32"]
    assert len(layers) == STEPS
    assert len({plan.tensors[w].offset for w in layers}) == 1


def choosing(writer, condition, inputs, sides=((1, 3), (1, 3))):
    """A model that adds x to itself, or takes it as it is."""
    x, y = writer.tensor("x", (1, 3)), writer.tensor("y", (1, 3))
    fields = {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 2}
    writer.op("IF", [condition, x], [y], "IfOptions", fields)
    writer.subgraph([*inputs, x], [y])
    writer.tensor("value", (1, 3))
    writer.subgraph([0], [add(writer, 0, 0, sides[0])], "then")
    writer.tensor("value", (1, 3))
    writer.subgraph([0], [0], "else")
    return writer


@pytest.mark.parametrize("taken", [True, False])
def test_of_a_choice_that_is_known_one_side_is_compiled(writer, run, taken):
    x = np.array([[1, -2, 0.5]], F)
    model = choosing(writer, constant(writer, np.bool_(taken), "BOOL"), [])
    np.testing.assert_array_equal(run(model, x), x * 2 if taken else x)


@pytest.mark.parametrize("taken", [True, False])
def test_a_choice_by_an_input_is_made_in_the_run(writer, run, taken):
    x = np.array([[1, -2, 0.5]], F)
    condition = writer.tensor("condition", (), "BOOL")
    found = run(choosing(writer, condition, [condition]), np.array(taken, np.uint8), x)
    np.testing.assert_array_equal(found, x * 2 if taken else x)


def test_sides_that_differ_in_shape_are_refused(writer, compiled_tflite):
    x, y = writer.tensor("x", (1, 3)), writer.tensor("y", (1, 3))
    condition = writer.tensor("condition", (), "BOOL")
    writer.op("IF", [condition, x], [y], "IfOptions", {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 2})
    writer.subgraph([condition, x], [y])
    writer.tensor("value", (1, 3))
    wide = writer.tensor("wide", (2, 3))
    writer.op("CONCATENATION", [0, 0], [wide], "ConcatenationOptions", {"Axis": 0})
    writer.subgraph([0], [wide], "then")
    writer.tensor("value", (1, 3))
    writer.subgraph([0], [0], "else")
    with pytest.raises(UnsupportedError, match=r"its sides give f32 \(2, 3\) and f32 \(1, 3\)"):
        compiled_tflite(writer)


def test_a_choice_of_what_is_assigned_is_refused(writer, compiled_tflite):
    x, y = writer.tensor("x", (1, 3)), writer.tensor("y", (1, 3))
    condition = writer.tensor("condition", (), "BOOL")
    writer.op("IF", [condition, x], [y], "IfOptions", {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 1})
    writer.subgraph([condition, x], [y])
    writer.tensor("value", (1, 3))
    handle = writer.tensor("handle", (), "RESOURCE")
    writer.op("VAR_HANDLE", [], [handle], "VarHandleOptions", {"SharedName": "v"})
    writer.op("ASSIGN_VARIABLE", [handle, 0])
    writer.subgraph([0], [0], "both")
    with pytest.raises(UnsupportedError, match="one of its sides assigns a variable"):
        compiled_tflite(writer)


def flattening(writer, signature=(-1, 2, 3)):
    """A model that computes the shape of its output, as converters write what leaves the batch open."""
    fields = {"ShapeSignature": np.array(signature, np.int32)}
    x, shape = writer.tensor("x", (1, 2, 3), **fields), writer.tensor("shape", (3,), "INT32")
    writer.op("SHAPE", [x], [shape], "ShapeOptions", {"OutType": 2})
    batch, pair = writer.tensor("batch", (), "INT32"), writer.tensor("pair", (2,), "INT32")
    bounds = [constant(writer, np.array([n], np.int32)) for n in (0, 1, 1)]
    writer.op("STRIDED_SLICE", [shape, *bounds], [batch], "StridedSliceOptions", {"ShrinkAxisMask": 1})
    writer.op("PACK", [batch, constant(writer, np.int32(6))], [pair], "PackOptions", {"ValuesCount": 2})
    y = writer.tensor("y", (1, 6), ShapeSignature=np.array([-1, 6], np.int32))
    writer.op("RESHAPE", [x, pair], [y], "ReshapeOptions")
    writer.subgraph([x], [y])
    return writer


@pytest.mark.parametrize("batch", [1, 4])
def test_shapes_are_computed_when_the_model_is_compiled(writer, compiled_tflite, batch):
    result = compiled_tflite(flattening(writer), dims={"batch": batch})
    plan, x = read_plan(result.plan), np.arange(6 * batch, dtype=F).reshape(batch, 2, 3)
    np.testing.assert_array_equal(evaluate(plan, [x])[0], x.reshape(batch, 6))
    assert "batch" not in plan.meta


def test_a_model_that_leaves_the_batch_open_takes_any_number_of_items(writer, compiled_tflite):
    assert read_plan(compiled_tflite(flattening(writer)).plan).meta["batch"] > 1


def test_a_constant_without_elements_is_none_in_the_file(writer, compiled_tflite):
    """A number is reshaped to the shape of a scalar, which has no dimensions."""
    x, y = writer.tensor("x", (1,)), writer.tensor("y", ())
    writer.op("RESHAPE", [x, writer.tensor("nothing", (0,), "INT32")], [y], "ReshapeOptions")
    writer.subgraph([x], [y])
    assert evaluate(read_plan(compiled_tflite(writer).plan), [np.full(1, 5, F)])[0] == 5


def test_an_input_of_64_bits_is_computed_in_32(writer, compiled_tflite):
    x, y = writer.tensor("x", (3,), "INT64"), writer.tensor("y", (3, 1), "INT64")
    writer.op("RESHAPE", [x, constant(writer, np.array([3, 1], np.int32))], [y], "ReshapeOptions")
    writer.subgraph([x], [y])
    plan = read_plan(compiled_tflite(writer).plan)
    assert [port["dtype"] for port in (*plan.meta["inputs"], *plan.meta["outputs"])] == ["i64", "i64"]
    np.testing.assert_array_equal(evaluate(plan, [np.array([5, -6, 7], np.int32)])[0], [[5], [-6], [7]])


def test_a_negation_of_nothing_is_malformed(writer, compiled_tflite):
    x, y = writer.tensor("x", (1, 4)), writer.tensor("y", (1, 4), "BOOL")
    writer.op("LOGICAL_NOT", [], [y])
    writer.subgraph([x], [y])
    with pytest.raises(ModelError, match="it has 0 inputs, not 1"):
        compiled_tflite(writer)
