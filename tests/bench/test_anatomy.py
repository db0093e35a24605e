"""`edgefn model inspect`: the graph and the memory of models and plans."""

from itertools import pairwise

import onnx
import pytest
from onnx import TensorProto, helper

from edgefn.bench.anatomy import dissect
from edgefn.bench.subject import open_subject
from edgefn.engine.module import embed
from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError
from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.importers import onnx as onnx_importer


@pytest.fixture
def plan_file(digits_model, tmp_path):
    path = tmp_path / "digits.plan"
    path.write_bytes(compile_model(read_model(digits_model), name="digits").plan)
    return path


def test_edges_join_the_input_through_all_ops_to_the_output(digits_model):
    found = dissect(digits_model)
    ids = [node.id for node in found.nodes]
    assert ids == ["input0", *(f"op{i}" for i in range(10)), "output0"]
    assert [(e.source, e.target) for e in found.edges] == list(pairwise(ids))


def test_ops_have_the_names_and_costs_of_the_model(digits_model):
    nodes = {node.name: node for node in dissect(digits_model).nodes}
    assert (nodes["conv7"].macs, nodes["conv7"].weights_bytes) == (147_456, 32 * 16 * 32 * 2 + 4 * 128)
    assert nodes["conv7"].live_bytes == max(node.live_bytes for node in nodes.values())


def test_memory_says_what_the_arena_is_made_of_where_it_is_fullest(digits_model):
    memory = dissect(digits_model).memory
    assert memory.arena == memory.bound == 9_216
    assert memory.pinned_by == "op5"
    assert [(p.what, p.name) for p in memory.parts] == [
        ("scratch", "conv7"),
        ("result", "maxpool6"),
        ("result", "conv7"),
    ]
    assert memory.file == digits_model.stat().st_size


def test_linear_memory_is_that_of_the_module_with_the_plan_inside(digits_model):
    plan = compile_model(read_model(digits_model), name="digits").plan
    linear = dissect(digits_model).memory.linear
    with Runner(plan) as runner:
        assert linear == runner.memory_bytes
    assert linear % 65_536 == 0
    assert linear > len(plan) + 9_216
    assert len(embed(plan)) > len(plan)


def test_a_plan_is_drawn_as_its_model_is(digits_model, plan_file):
    of_plan, of_model = dissect(plan_file), dissect(digits_model)
    assert (of_plan.format, of_plan.version, of_plan.params) == ("plan", "3.0", None)
    assert (of_plan.nodes, of_plan.edges, of_plan.macs) == (of_model.nodes, of_model.edges, of_model.macs)


@pytest.fixture
def parsed(monkeypatch):
    """The models that were parsed, in their order."""
    seen, read = [], onnx_importer.read

    def noted(data, path):
        seen.append(path.name)
        return read(data, path)

    monkeypatch.setattr(onnx_importer, "read", noted)
    return seen


@pytest.mark.parametrize(("op", "shape"), [("Abracadabra", ["n", 4]), ("Relu", ["n", "m"])])
def test_a_model_that_cannot_be_compiled_is_parsed_once_and_says_why(parsed, tmp_path, op, shape):
    found = dissect(saved(tmp_path / "m.onnx", op, shape))
    assert (found.supported, len(found.unsupported), parsed) == (False, 1, ["m.onnx"])


def test_a_model_whose_sizes_come_from_shapes_is_parsed_once(parsed, tmp_path):
    subject = open_subject(saved(tmp_path / "m.onnx", "Relu", ["n", "m"]), {"m": 3}, {"x": (5, 3)})
    assert (subject.plan.tensors[subject.plan.inputs[0]].dims, parsed) == ((5, 3), ["m.onnx"])


def saved(path, op, shape):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_a_damaged_plan_is_an_error_of_the_plan(plan_file):
    data = bytearray(plan_file.read_bytes())
    data[-1] ^= 1
    plan_file.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        dissect(plan_file)
    assert caught.value.code == "EFN-M021"
