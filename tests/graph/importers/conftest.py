import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

_FIRST: dict[str, dict] = {}  # by module, the state of its RNG once it is imported


@pytest.fixture(autouse=True)
def same_numbers(request):
    """The tests of a module that share its RNG draw the same numbers in whatever order they run."""
    rng = getattr(request.module, "RNG", None)
    if rng is not None:
        rng.bit_generator.state = _FIRST.setdefault(request.module.__name__, rng.bit_generator.state)


@pytest.fixture
def compiled_tflite(tmp_path):
    """What the file of a writer compiles to."""

    def build(writer, dims=None, **fields):
        (tmp_path / "m.tflite").write_bytes(writer.data(**fields))
        return compile_model(read_model(tmp_path / "m.tflite"), name="m", dims=dims)

    return build


@pytest.fixture
def run_tflite(compiled_tflite):
    """The outputs of a model, which the oracle and the engine must agree on."""

    def run(writer, *inputs, exact=True):
        plan = compiled_tflite(writer).plan
        found = evaluate(read_plan(plan), inputs)
        with Runner(plan) as runner:
            for raw, array in zip(runner.run(inputs), found, strict=True):
                engine = np.frombuffer(raw, array.dtype).reshape(array.shape)
                np.testing.assert_allclose(engine, array, rtol=0 if exact else 1e-6)
        return found

    return run


@pytest.fixture
def small_tflite(writer) -> bytes:
    """A file of 2 kB with every kind of thing that is read: the seed of mutations."""
    w = writer
    per_channel = w.quantization([0.1, 0.2], [0, 0])
    w.tensor("image", (1, 4, 4, 1), "INT8", ShapeSignature=np.array((-1, 4, 4, 1), np.int32))
    w.tensor("weights", (2, 3, 3, 1), "INT8", constant=np.arange(18, dtype=np.int8), Quantization=per_channel)
    w.tensor("bias", (2,), "INT32", constant=np.arange(2, dtype=np.int32), Quantization=per_channel)
    w.tensor("sum", (1, 2, 2, 2), "INT8", Quantization=w.quantization([0.5], [-3]))
    w.tensor("mask", (2,), "BOOL", constant=np.array([True, False]))
    w.tensor("state", (1, 8), "INT16", IsVariable=True)
    w.tensor("handle", (), "RESOURCE")
    w.op("CONV_2D", [0, 1, 2], [3], "Conv2DOptions", {"Padding": 1, "StrideW": 1, "StrideH": 1})
    w.op("RESHAPE", [3, -1], [5], "ReshapeOptions", {"NewShape": np.array((1, 8), np.int32)})
    w.op("VAR_HANDLE", [], [6], "VarHandleOptions", {"SharedName": "state"})
    w.op("Magic", [5], [3], CustomOptions=b"spell", Intermediates=np.array([5], np.int32))
    w.subgraph([0], [3])
    w.tensor("other", (2,), "FLOAT32", constant=np.ones(2, np.float32))
    w.op("CALL_ONCE", options="CallOnceOptions", fields={"InitSubgraphIndex": 0})
    w.subgraph(name="once")
    names = [w.table("TensorMap", Name="picture", TensorIndex=0)]
    key = {"SignatureKey": "serve", "Inputs": names, "Outputs": names, "SubgraphIndex": 0}
    return w.data(SignatureDefs=[w.table("SignatureDef", **key)])
