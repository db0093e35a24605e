"""Modules with a plan inside: they start and run by themselves, and hold the ops of their plan only."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from wasmtime import Engine, Instance, Module, Store

from edgefn.engine.library import FLAVOURS, module_path
from edgefn.engine.linker import keep_ops
from edgefn.engine.module import embed
from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError
from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.plan import read_plan

from . import plans

F = np.float32
FLAVOUR = pytest.mark.parametrize("flavour", FLAVOURS)
DIGITS = Path(__file__).parents[2] / "models" / "digits"
BAD_OP = 9


class Alone:
    """An instance of a module, driven through its exports as any host would."""

    def __init__(self, module: bytes):
        engine = Engine()
        compiled = Module(engine, module)
        assert not compiled.imports
        self.store = Store(engine)
        self.exports = Instance(self.store, compiled, []).exports(self.store)

    def __getattr__(self, name):
        return lambda *arguments: self.exports[name](self.store, *arguments)

    def at(self, address):
        return ctypes.addressof(self.exports["memory"].data_ptr(self.store).contents) + address

    def run(self, plan, inputs, mode):
        read, arena = read_plan(plan), self.efn_arena()
        for index, data in zip(read.inputs, inputs):
            ctypes.memmove(self.at(arena + read.tensors[index].offset), data, len(data))
        assert self.efn_run_at(arena, 0, len(read.ops), mode) == 0
        outputs = (read.tensors[index] for index in read.outputs)
        return [ctypes.string_at(self.at(arena + t.offset), t.nbytes) for t in outputs]


@FLAVOUR
@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("model", ["digits-int8", "digits-f32"])
def test_a_module_with_its_plan_inside_runs_by_itself_as_the_whole_engine_does(flavour, model, mode):
    plan = compile_model(read_model(DIGITS / f"{model}.onnx"), name=model).plan
    inputs = [np.random.default_rng(1).random(64, F).tobytes()]
    alone = Alone(embed(plan, flavour))
    assert alone.efn_start() == 0
    with Runner(plan, flavour) as runner:
        assert alone.run(plan, inputs, mode) == runner.run(inputs, reference=mode == 1)


def test_the_memory_is_from_the_beginning_as_large_as_the_model_needs_it():
    x = np.arange(200_000).astype(F)
    alone = Alone(embed(plans.unary(13, x, "float32", x.shape, 0.0, 7.0)))
    size = alone.exports["memory"].size(alone.store)
    assert alone.efn_start() == 0
    assert alone.exports["memory"].size(alone.store) == size


@FLAVOUR
def test_a_module_with_a_state_starts_with_its_first_content(flavour):
    first = np.arange(4).astype(F)
    alone = Alone(embed(plans.accumulate(first), flavour))
    assert alone.efn_start() == 0
    arena = alone.efn_arena()
    np.testing.assert_array_equal(np.frombuffer(ctypes.string_at(alone.at(arena), 16), F), first)
    assert alone.efn_reset_at(arena - 64) != 0


def test_a_plan_that_the_engine_refuses_is_not_embedded():
    with pytest.raises(ModelError):
        embed(b"EFNP")


def test_a_module_without_a_plan_refuses_to_start():
    assert Alone(module_path("simd128").read_bytes()).efn_start() != 0


@FLAVOUR
def test_a_module_holds_no_more_than_the_ops_of_its_plan(flavour):
    x = np.arange(6).astype(F)
    module = embed(plans.unary(13, x, "float32", x.shape, 0.0, 7.0), flavour)
    assert len(module) < 12_000  # of about 180,000
    alone = Alone(module)
    other = plans.unary(22, x, "float32", x.shape)
    ctypes.memmove(alone.at(alone.efn_heap()), other, len(other))
    assert alone.efn_open_at(alone.efn_heap(), len(other)) == BAD_OP


@FLAVOUR
def test_an_engine_of_any_single_op_is_a_valid_module(flavour):
    engine = module_path(flavour).read_bytes()
    with Runner(plans.unary(22, np.zeros(1, F), "float32", (1,)), flavour) as runner:
        table = runner.op_table()
    known = [code for code in table.codes if table.functions(code)]
    assert len(known) > 25
    for code in known:
        Module.validate(Engine(), keep_ops(engine, table, {code}))


def test_an_engine_of_all_ops_is_the_engine():
    engine = module_path("simd128").read_bytes()
    with Runner(plans.unary(22, np.zeros(1, F), "float32", (1,))) as runner:
        table = runner.op_table()
    assert (
        Module(Engine(), keep_ops(engine, table, set(table.codes))).serialize() == Module(Engine(), engine).serialize()
    )
