"""TFLite models that keep variables between runs, run after run; and the forms that are refused."""

import numpy as np
import pytest

from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import Machine

F = np.float32
SHAPE = (1, 3)


@pytest.fixture
def stream(compiled_tflite):
    """The outputs of consecutive runs, which the oracle and the engine must agree on, and the plan."""

    def runs(writer, *inputs):
        blob = compiled_tflite(writer).plan
        plan = read_plan(blob)
        machine, found = Machine(plan), []
        with Runner(blob) as runner:
            for x in inputs:
                outputs = machine.evaluate([x])
                engine = runner.run([x])
                for mine, theirs in zip(outputs, engine, strict=True):
                    assert mine.tobytes() == theirs
                found.append(outputs[0])
        return found, plan

    return runs


class Streaming:
    """A model of tensors and ops by name, with variables; CALL_ONCE comes first when variables have first values."""

    def __init__(self, writer, firsts=()):
        self.writer, self.firsts, self.names = writer, dict(firsts), {}
        if firsts:
            writer.op("CALL_ONCE", options="CallOnceOptions", fields={"InitSubgraphIndex": 1})

    def tensor(self, name, kind="FLOAT32", shape=SHAPE, **fields):
        self.names[name] = self.writer.tensor(name, shape, kind, **fields)
        return self.names[name]

    def handle(self, name):
        self.tensor(f"{name} handle", "RESOURCE", ())
        self.writer.op("VAR_HANDLE", [], [self.names[f"{name} handle"]], "VarHandleOptions", {"SharedName": name})

    def read(self, variable, into, kind="FLOAT32", **fields):
        self.tensor(into, kind, **fields)
        self.writer.op("READ_VARIABLE", [self.names[f"{variable} handle"]], [self.names[into]])

    def assign(self, variable, value):
        self.writer.op("ASSIGN_VARIABLE", [self.names[f"{variable} handle"], self.names[value]])

    def add(self, a, b, y):
        self.tensor(y)
        self.writer.op("ADD", [self.names[a], self.names[b]], [self.names[y]], "AddOptions")

    def end(self, output="y"):
        self.writer.subgraph([self.names["x"]], [self.names[output]])
        for i, (name, value) in enumerate(self.firsts.items()):
            kind = {"float32": "FLOAT32", "int8": "INT8", "int64": "INT64"}[value.dtype.name]
            self.writer.tensor("handle", (), "RESOURCE")
            self.writer.tensor("value", value.shape, kind, value)
            self.writer.op("VAR_HANDLE", [], [2 * i], "VarHandleOptions", {"SharedName": name})
            self.writer.op("ASSIGN_VARIABLE", [2 * i, 2 * i + 1])
        if self.firsts:
            self.writer.subgraph(name="once")
        return self.writer


def full(value, dtype=F):
    return np.full(SHAPE, value, dtype)


def accumulator(writer, first=5.0):
    s = Streaming(writer, {"total": full(first)})
    s.tensor("x")
    s.handle("total")
    s.read("total", "before")
    s.add("before", "x", "y")
    s.assign("total", "y")
    return s


def test_a_variable_goes_from_run_to_run(writer, stream):
    found, plan = stream(accumulator(writer).end(), full(1), full(2), full(3))
    assert [y[0, 0] for y in found] == [6, 8, 11]
    assert plan.state_bytes == 16


def test_a_variable_may_be_an_output_as_it_was(writer, stream):
    found, _ = stream(accumulator(writer).end("before"), full(1), full(2), full(3))
    assert [y[0, 0] for y in found] == [5, 6, 8]


def test_variables_that_change_places(writer, stream):
    s = Streaming(writer, {"a": full(1), "b": full(2)})
    s.tensor("x")
    for name in "ab":
        s.handle(name)
        s.read(name, f"{name} before")
    s.assign("a", "b before")
    s.assign("b", "a before")
    s.add("a before", "x", "y")
    found, _ = stream(s.end(), full(10), full(10), full(10))
    assert [y[0, 0] for y in found] == [11, 12, 11]


def test_an_assigned_variable_is_read_as_it_is_then(writer, stream):
    s = accumulator(writer)
    s.read("total", "after")
    s.add("after", "before", "z")
    found, _ = stream(s.end("z"), full(1), full(2))
    assert [y[0, 0] for y in found] == [11, 14]


def test_a_variable_that_is_assigned_before_it_is_read_is_not_kept(writer, stream):
    s = Streaming(writer)
    s.tensor("x")
    s.handle("local")
    s.assign("local", "x")
    s.read("local", "same")
    s.add("same", "x", "y")
    found, plan = stream(s.end(), full(1), full(2))
    assert [y[0, 0] for y in found] == [2, 4]
    assert plan.state_bytes == 0


def test_a_variable_that_no_run_assigns_is_a_constant(writer, stream):
    s = Streaming(writer, {"offset": full(7)})
    s.tensor("x")
    s.handle("offset")
    s.read("offset", "seven")
    s.add("x", "seven", "y")
    found, plan = stream(s.end(), full(1), full(2))
    assert [y[0, 0] for y in found] == [8, 9]
    assert plan.state_bytes == 0


def test_a_variable_is_integers_whose_scale_is_the_readers(writer, stream):
    s = Streaming(writer, {"last": full(3, np.int8)})
    q = {name: writer.quantization([scale], [0]) for name, scale in (("x", 0.5), ("y", 0.25))}
    s.tensor("x", "INT8", Quantization=q["x"])
    s.handle("last")
    s.read("last", "y", "INT8", Quantization=q["y"])
    s.assign("last", "x")
    found, plan = stream(s.end(), full(9, np.int8), full(-128, np.int8), full(0, np.int8))
    assert [y[0, 0] for y in found] == [3, 9, -128]
    assert plan.tensors[plan.outputs[0]].scale == 0.25


def without_a_first_value(writer):
    s = Streaming(writer)
    s.tensor("x")
    s.handle("total")
    s.read("total", "y")
    s.assign("total", "x")
    return s.end()


def of_another_shape(writer):
    s = Streaming(writer, {"total": np.zeros(4, F)})
    s.tensor("x")
    s.handle("total")
    s.assign("total", "x")
    s.read("total", "y")
    return s.end()


def of_a_type_that_is_not_run(writer):
    s = Streaming(writer, {"count": full(1, np.int64)})
    s.tensor("x")
    s.handle("count")
    s.read("count", "y", "INT64")
    return s.end()


def begun_by(writer, write):
    """An accumulator whose first value is what `write` writes, by the number of its tensor."""
    accumulator(writer).end()
    writer.subgraphs.pop()
    handle = writer.tensor("handle", (), "RESOURCE")
    writer.op("VAR_HANDLE", [], [handle], "VarHandleOptions", {"SharedName": "total"})
    value = write()
    writer.op("ASSIGN_VARIABLE", [handle, value])
    writer.subgraph(name="once")
    return writer


def begun_by_nothing(writer):
    return begun_by(writer, lambda: writer.tensor("open", SHAPE))


def begun_by_magic(writer):
    def write():
        value = writer.tensor("value", SHAPE)
        writer.op("Magic", [], [value])
        return value

    return begun_by(writer, write)


def test_a_first_value_may_be_computed_of_constants(writer, stream):
    """As converters write those of half precision."""

    def write():
        stored, value = writer.tensor("stored", SHAPE, "FLOAT16", full(5, np.float16)), writer.tensor("value", SHAPE)
        writer.op("DEQUANTIZE", [stored], [value])
        return value

    found, _ = stream(begun_by(writer, write), full(1), full(2))
    assert [y[0, 0] for y in found] == [6, 8]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (without_a_first_value, "read before it is assigned"),
        (of_another_shape, r"variable 'total' changes from float32 \(4,\) to f32 \(1, 3\)"),
        (of_a_type_that_is_not_run, "begins as int64"),
        (begun_by_magic, "op Magic"),
    ],
)
def test_what_cannot_be_kept_is_refused(writer, compiled_tflite, build, said):
    with pytest.raises(UnsupportedError, match=said):
        compiled_tflite(build(writer))


def calling_itself(writer):
    writer.tensor("x", SHAPE)
    writer.op("CALL_ONCE", options="CallOnceOptions", fields={"InitSubgraphIndex": 0})
    writer.subgraph([0], [0])


def reading_a_number(writer):
    writer.tensor("x", SHAPE)
    writer.tensor("y", SHAPE)
    writer.op("READ_VARIABLE", [0], [1])
    writer.subgraph([0], [1])


@pytest.mark.parametrize(
    ("build", "said"), [(calling_itself, "it calls subgraph 0 of 1"), (reading_a_number, "no handle of a variable")]
)
def test_a_malformed_use_of_variables_is_refused(writer, compiled_tflite, build, said):
    build(writer)
    with pytest.raises(ModelError, match=said) as error:
        compiled_tflite(writer)
    assert error.value.code == "EFN-M006"


def test_a_first_value_that_nothing_computes_is_malformed(writer, compiled_tflite):
    with pytest.raises(ModelError, match="'open', which nothing before it computes"):
        compiled_tflite(begun_by_nothing(writer))
