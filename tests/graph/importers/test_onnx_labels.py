"""Strings in ONNX models: labels of outputs, and nothing else."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgefn.errors import UnsupportedError
from edgefn.graph.importers.onnx import labels

ML = "ai.onnx.ml"
WORDS = np.array(["red", "green", "blue"], object)


def words(m, value=WORDS) -> str:
    name = f"c{len(m.constants)}"
    m.constants.append(numpy_helper.from_array(value, name))
    return name


@pytest.fixture
def named(model):
    """x to the word at its place, as scikit-learn's classifiers are exported."""

    def build(*then: tuple[str, dict]):
        m = model()
        y = m.node("ArrayFeatureExtractor", words(m), m.input("x", (4,), "i64"), domain=ML)
        y = m.node("Reshape", y, m.constant(np.array([-1])))
        for op, attributes in then:
            y = m.node(op, y, **attributes)
        m.output(y, "string")
        return m

    return build


def test_an_output_of_strings_is_their_places_with_the_strings_as_labels(named, compiled, engine_outputs):
    made = compiled(named(("Identity", {})))
    (port,) = made.summary.outputs
    assert (port.dtype, port.shape, port.labels) == ("i32", (4,), ("red", "green", "blue"))
    for (y,) in engine_outputs(made.plan, [np.array([2, 0, 1, 1], np.int32)]):
        assert y.tolist() == [2, 0, 1, 1]


def test_strings_that_an_op_would_compute_with_are_refused(named, compiled):
    with pytest.raises(UnsupportedError, match="is of strings, which an output may be, but no op computes with"):
        compiled(named(("Relu", {})))


def test_an_input_of_strings_is_refused_with_what_to_do(model, compiled):
    m = model()
    m.output(m.node("Identity", m.input("x", (2,), "string")), "string")
    with pytest.raises(UnsupportedError, match="is a STRING, not a tensor of numbers") as caught:
        compiled(m)
    assert caught.value.hint == "encode strings outside, as numbers"


def test_an_output_that_only_says_it_is_of_strings_is_refused(model, compiled):
    m = model()
    m.output(m.node("Relu", m.input("x", (2,))), "string")
    with pytest.raises(UnsupportedError, match="of strings, but they are no labels"):
        compiled(m)


def zipped(**classes) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"]),
        helper.make_node("ZipMap", ["p"], ["scores"], domain=ML, **classes),
    ]
    key = TensorProto.STRING if "classlabels_strings" in classes else TensorProto.INT64
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(key, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])
    graph = helper.make_graph(nodes, "zipped", [x], [helper.make_value_info("scores", maps)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, 1)])


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        ({"classlabels_strings": ["a", "b", "c"]}, ("a", "b", "c")),
        ({"classlabels_int64s": [3, -1, 20]}, ("3", "-1", "20")),
    ],
)
def test_maps_of_scores_are_the_scores_with_labels(compiled, classes, wanted):
    made = compiled(zipped(**classes))
    (port,) = made.summary.outputs
    assert (port.name, port.dtype, port.shape, port.labels) == ("scores", "f32", (1, 3), wanted)


def test_maps_of_scores_take_a_batch(compiled, engine_outputs):
    x = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    made = compiled(zipped(classlabels_int64s=[0, 1, 2]), dims={"x.0": 2})
    for (y,) in engine_outputs(made.plan, [x]):
        assert y.argmax(axis=1).tolist() == [2, 0]


def test_labels_that_would_fill_a_plan_are_refused(named, compiled, monkeypatch):
    monkeypatch.setattr(labels, "MAX_BYTES", 10)
    with pytest.raises(UnsupportedError, match="3 labels, which are too many or too long"):
        compiled(named())
