import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def choosing(tmp_path):
    """A model of x that goes through the layer `yes layer` where p is true, and through `no layer` where it is not."""

    def build(name="m.onnx", **weights):
        sides = []
        for side, weight in ({"yes": 3, "no": 2} | weights).items():
            y, w = helper.make_tensor_value_info(side, TensorProto.FLOAT, None), np.full((256, 256), weight, np.float32)
            node = helper.make_node("MatMul", ["x", "w"], [side], name=f"{side} layer")
            sides.append(helper.make_graph([node], side, [], [y], [numpy_helper.from_array(w, "w")]))
        node = helper.make_node("If", ["p"], ["y"], then_branch=sides[0], else_branch=sides[1])
        ports = [("p", TensorProto.BOOL, []), ("x", TensorProto.FLOAT, [4, 256]), ("y", TensorProto.FLOAT, [4, 256])]
        *inputs, output = (helper.make_tensor_value_info(*port) for port in ports)
        graph = helper.make_graph([node], "g", inputs, [output])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / name)
        return tmp_path / name

    return build
