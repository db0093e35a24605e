"""What is used below wasmtime's Python binding is there, and behaves."""

import pytest
from wasmtime import Engine, Instance, Module, Store, Trap

from edgefn.engine.call import Call

WAT = """(module
  (func (export "sub") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
  (func (export "round") (param f32) (result i32) (i32.trunc_f32_s (local.get 0)))
  (func (export "nothing"))
  (func (export "trap") (result i32) unreachable))"""


@pytest.fixture(scope="module")
def call():
    engine = Engine()
    store = Store(engine)
    exports = Instance(store, Module(engine, WAT), []).exports(store)
    return lambda name: Call(store, exports[name])


def test_integers_go_in_and_an_unsigned_one_comes_out(call):
    assert call("sub")(7, 9) == 0xFFFFFFFE
    assert call("sub")(0xFFFFFFFF, 1) == 0xFFFFFFFE


def test_floats_go_in(call):
    assert call("round")(41.75) == 41


def test_a_function_without_a_result_gives_0(call):
    assert call("nothing")() == 0


def test_a_trap_is_raised_and_the_next_call_works(call):
    with pytest.raises(Trap, match="unreachable"):
        call("trap")()
    assert call("sub")(3, 1) == 2


def test_a_wrong_number_of_arguments_is_an_error(call):
    with pytest.raises(TypeError, match="2 arguments wanted, 1 given"):
        call("sub")(1)
