"""Small ONNX models, compiled and compared with ONNX's reference evaluator and with the engine."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from tests.fuzz.seeds import keep

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.graph.compiler import CompiledModel, compile_model, read_model
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

TYPES = {
    "f32": TensorProto.FLOAT,
    "f64": TensorProto.DOUBLE,
    "u8": TensorProto.UINT8,
    "i8": TensorProto.INT8,
    "i32": TensorProto.INT32,
    "i64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}
NUMPY = {"f32": np.float32, "u8": np.uint8, "i8": np.int8, "i32": np.int32}


class Model:
    """An ONNX model under construction: `x = m.input("x", (1, 3, 8, 8)); m.output(m.node("Relu", x))`."""

    def __init__(self, opset: int = 19, ml: int = 3) -> None:
        self.opset, self.ml = opset, ml
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(7)

    def input(self, name: str, shape, dtype: str = "f32") -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[dtype], shape))
        return name

    def output(self, name: str, dtype: str = "f32", shape=None) -> str:
        self.outputs.append(helper.make_tensor_value_info(name, TYPES[dtype], shape))
        return name

    def constant(self, value) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def normal(self, *shape: int) -> np.ndarray:
        """Random numbers: an input's, or what a test computes with too."""
        return self.rng.standard_normal(shape).astype(np.float32)

    def random(self, *shape: int) -> str:
        return self.constant(self.rng.normal(0, 0.5, shape).astype(np.float32))

    def node(self, op: str, *inputs: str, name: str = "", outputs: int = 1, domain: str = "", **attributes) -> str:
        y = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, y, name=name, domain=domain, **attributes))
        return y[0]

    def qdq(self, x: str, scale: float, zero: int, dtype: str = "u8") -> str:
        """QuantizeLinear and DequantizeLinear of one activation."""
        q = (self.constant(np.float32(scale)), self.constant(NUMPY[dtype](zero)))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, *q), *q)

    def weights(self, shape, *, axis: int | None = 0, dtype: str = "i8", low: int = -127, zero: int = 0) -> str:
        """Dequantized random integer weights."""
        value = self.rng.integers(low, 128 if dtype == "i8" else 256, shape).astype(NUMPY[dtype])
        count = shape[axis] if axis is not None else 0
        scale = np.linspace(0.004, 0.009, count).astype(np.float32) if count else np.float32(0.005)
        points = np.full(np.shape(scale), zero, NUMPY[dtype])
        kind = {"axis": axis} if axis is not None else {}
        args = (self.constant(value), self.constant(scale), self.constant(points))
        return self.node("DequantizeLinear", *args, **kind)

    def proto(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "test", self.inputs, self.outputs, self.constants)
        domains = dict.fromkeys(node.domain for node in self.nodes if node.domain)
        opsets = [helper.make_opsetid(domain, {"ai.onnx.ml": self.ml}.get(domain, 1)) for domain in domains]
        opsets.append(helper.make_opsetid("", self.opset))
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def run_engine(plan: bytes, inputs, flavour: str):
    """Outputs of the engine as arrays."""
    parsed = read_plan(plan)
    with Runner(plan, flavour) as runner:
        raw = runner.run([np.ascontiguousarray(x).tobytes() for x in inputs])
    tensors = [parsed.tensors[i] for i in parsed.outputs]
    return [np.frombuffer(r, NUMPY[t.dtype]).reshape(t.dims) for r, t in zip(raw, tensors, strict=True)]


@pytest.fixture
def model() -> Callable[..., Model]:
    return Model


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., CompiledModel]:
    def build(source: Model | onnx.ModelProto, name: str = "test", dims=None) -> CompiledModel:
        proto = source.proto() if isinstance(source, Model) else source
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        keep("onnx", path.read_bytes())
        return compile_model(read_model(path), name=name, dims=dims)

    return build


@pytest.fixture
def engine_outputs() -> Callable[..., list]:
    """The outputs of a plan, once from each flavour of the engine and from the oracle."""

    def run(plan: bytes, inputs) -> list:
        return [evaluate(read_plan(plan), inputs), *(run_engine(plan, inputs, flavour) for flavour in FLAVOURS)]

    return run


@pytest.fixture
def hold(compiled, engine_outputs) -> Callable[..., list[str]]:
    """Compile and hold the outputs of the oracle and of both flavours to `wanted`; the ops are given back."""

    def run(source: Model, inputs, *wanted) -> list[str]:
        result = compiled(source)
        for found in engine_outputs(result.plan, inputs):
            for f, w in zip(found, wanted, strict=True):
                np.testing.assert_allclose(f, w, atol=5e-6)
        return [op.op for op in result.summary.ops]

    return run


@pytest.fixture
def check(compiled) -> Callable[..., SimpleNamespace]:
    """Compile, run, compare: f32 within 1e-5, integers within `steps`; `atol` for f32 that went through integers.

    `inputs` are of the types that the model declares; the plan's own where it computes in others.
    """

    def run(source: Model, *, steps: int = 0, atol: float = 1e-5, exact: float = 1.0, inputs=None) -> SimpleNamespace:
        proto = source.proto()
        result = compiled(proto)
        plan = read_plan(result.plan)
        rng = np.random.default_rng(3)
        if inputs is None:
            inputs = [_random(rng, plan.tensors[i]) for i in plan.inputs]
        names = [i.name for i in proto.graph.input]
        declared = [helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type) for i in proto.graph.input]
        fed = {name: np.asarray(x, t) for name, x, t in zip(names, inputs, declared, strict=True)}
        inputs = [np.asarray(x, NUMPY[plan.tensors[i].dtype]) for x, i in zip(inputs, plan.inputs, strict=True)]
        found = evaluate(plan, inputs)
        for w, f, i in zip(ReferenceEvaluator(proto).run(None, fed), found, plan.outputs, strict=True):
            w = np.asarray(w, NUMPY[plan.tensors[i].dtype])  # noqa: PLW2901 -- as the plan has it
            assert f.shape == w.shape
            assert f.dtype == w.dtype
            if f.dtype == np.float32:
                np.testing.assert_allclose(f, w, rtol=1e-5, atol=atol)
            else:
                difference = np.abs(f.astype(int) - w.astype(int))
                assert difference.max() <= steps
                assert (difference == 0).mean() >= exact
        fuses = any(t.dtype == "f32" and t.place == "arena" for t in plan.tensors)
        for flavour in FLAVOURS:
            fused = fuses and flavour == "relaxed-simd"  # then a float beside a half may be rounded the other way
            _same(run_engine(result.plan, inputs, flavour), found, steps=int(fused))
        ops = [o.op for o in result.summary.ops]
        return SimpleNamespace(ops=ops, plan=plan, outputs=found, compiled=result)

    return run


def _random(rng, tensor):
    if tensor.dtype == "f32":
        return rng.normal(0, 1, tensor.dims).astype(np.float32)
    info = np.iinfo(NUMPY[tensor.dtype])
    return rng.integers(info.min, info.max, tensor.dims, NUMPY[tensor.dtype], endpoint=True)


def _same(engine, reference, *, steps: int) -> None:
    for e, r in zip(engine, reference, strict=True):
        assert (e.shape, e.dtype) == (r.shape, r.dtype)
        if e.dtype == np.float32:
            np.testing.assert_allclose(e, r, rtol=1e-5, atol=1e-5)
        else:
            assert np.abs(e.astype(np.int64) - r.astype(np.int64)).max() <= steps
