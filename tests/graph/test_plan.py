import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefn.errors import ModelError
from edgefn.graph.ops import BY_NAME
from edgefn.graph.plan import read_plan, write_plan
from edgefn.graph.records import Plan, PlanOp, PlanTensor


def _plan(**changes) -> Plan:
    tensors = (PlanTensor("f32", (1, 4), "arena", 0, 16), PlanTensor("f32", (1, 4), "arena", 16, 16))
    op = PlanOp(BY_NAME["clamp_f32"], (0, 1, 0.0, float("inf")))
    meta = {"inputs": [{"name": "x", "layout": None}], "outputs": [{"name": "y", "layout": None}]}
    fields = {"tensors": tensors, "ops": (op,), "inputs": (0,), "outputs": (1,), "weights": b"", "arena_bytes": 32}
    return Plan(**{**fields, "meta": meta, **changes})


def _sealed(data: bytearray) -> bytes:
    data[12:16] = struct.pack("<I", zlib.crc32(bytes(data[16:])))
    return bytes(data)


def _patched(offset: int, form: str, value) -> bytes:
    data = bytearray(write_plan(_plan()))
    struct.pack_into(f"<{form}", data, offset, value)
    return _sealed(data)


def test_a_plan_comes_back_as_it_was_written():
    assert read_plan(write_plan(_plan())) == _plan()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EFN-M020"),
        (b"EFNP", "EFN-M021"),
        (_patched(0, "4s", b"EFNQ"), "EFN-M020"),
        (_patched(4, "H", 1), "EFN-M020"),
        (_patched(4, "H", 4), "EFN-M020"),
        (_patched(6, "H", 1), "EFN-M020"),
        (_patched(8, "I", 7), "EFN-M021"),
        (write_plan(_plan())[:-1] + b"!", "EFN-M021"),
        (_patched(16, "I", 97), "EFN-M022"),
        (_patched(16, "I", 0), "EFN-M022"),
        (_patched(20, "I", 0), "EFN-M022"),
        (_patched(20, "I", 65_536), "EFN-M022"),
        (_patched(28, "I", 2**30), "EFN-M022"),
        (_patched(32, "I", 2), "EFN-M022"),
        (_patched(32, "I", 0), "EFN-M022"),
        (_patched(40, "I", 0), "EFN-M022"),
        (_patched(44, "I", 65), "EFN-M022"),
        (_patched(60, "I", 3), "EFN-M022"),
        (_patched(64, "I", 2**30 + 1), "EFN-M022"),
        (_patched(64, "I", 16), "EFN-M022"),
        (_patched(68, "I", 16), "EFN-M022"),
        (_patched(72, "I", 16), "EFN-M022"),
        (_patched(76, "I", 1), "EFN-M022"),
        (_patched(96, "B", 9), "EFN-M022"),
        (_patched(97, "B", 7), "EFN-M022"),
        (_patched(98, "B", 2), "EFN-M022"),
        (_patched(99, "B", 1), "EFN-M022"),
        (_patched(100, "I", 8), "EFN-M022"),
        (_patched(104, "I", 12), "EFN-M022"),
        (_patched(108, "I", 0), "EFN-M022"),
        (_patched(116, "I", 1), "EFN-M022"),
        (_patched(132, "f", float("nan")), "EFN-M022"),
        (_patched(136, "i", 300), "EFN-M022"),
        (_patched(192, "I", 99 | 4 << 16), "EFN-M022"),
        (_patched(192, "I", 13 | 3 << 16), "EFN-M022"),
        (_patched(196, "I", 2), "EFN-M022"),
        (_patched(204, "f", float("nan")), "EFN-M022"),
        (_patched(212, "I", 2), "EFN-M022"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused(data, code):
    with pytest.raises(ModelError) as error:
        read_plan(data)
    assert error.value.code == code


def test_a_plan_with_a_state_comes_back_as_it_was_written():
    plan = _plan(weights=bytes(range(32)), state_bytes=16, state_offset=16)
    assert read_plan(write_plan(plan)) == plan


@pytest.mark.parametrize("state", [(8, 16), (16, 8), (48, 0), (32, 16)])
def test_a_state_that_does_not_fit_arena_and_weights_is_refused(state):
    plan = _plan(weights=bytes(32), state_bytes=state[0], state_offset=state[1])
    with pytest.raises(ModelError, match="state") as error:
        read_plan(write_plan(plan))
    assert error.value.code == "EFN-M022"


_SMALL = PlanTensor("i8", (4,), "arena", 0, 4)
_IMAGE = PlanTensor("f32", (1, 4, 4, 8), "arena", 0, 512)
_LARGE = PlanTensor("f32", (1, 4, 4, 8), "arena", 512, 512)


@pytest.mark.parametrize(
    ("name", "values", "rest", "tensors"),
    [
        ("softmax_f32", (0, 1), (), (_SMALL, _LARGE)),
        ("transpose", (0, 1, 0, 1, 2, 2, 0, 0), (), (_IMAGE, _LARGE)),
        ("transpose", (0, 1, 3, 1, 2, 0, 0, 0), (), (_IMAGE, _LARGE)),
        ("concat", (1, 0, 2), (0,), (_IMAGE, _LARGE)),
        ("concat", (1, 0, 2), (0, 0), (_IMAGE, _LARGE)),
        ("concat", (1, 4, 1), (0,), (_IMAGE, _LARGE)),
        ("copy", (0, 1), (), (_SMALL, _LARGE)),
        ("flip_sign", (0, 0), (), (_SMALL, _LARGE)),
        ("quantize_f32_i8", (1, 0, 1.0, 0), (), (_SMALL, _LARGE)),
        ("max_pool_f32", (0, 1, 2, 2, 2, 2, 0, 0), (), (_IMAGE, _LARGE)),
        ("max_pool_f32", (0, 1, 0, 1, 1, 1, 0, 0), (), (_IMAGE, _LARGE)),
        ("max_pool_f32", (0, 1, 1, 1, 1, 1, 1, 0), (), (_IMAGE, _LARGE)),
        ("average_pool_f32", (0, 1, 1, 1, 1, 1, 0, 0, 2), (), (_IMAGE, _LARGE)),
        ("conv2d_f32", (0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0.0, 1.0, 0), (), (_IMAGE, _LARGE)),
        ("dense_f32", (0, 0, 0, 1, 0.0, 1.0, 8), (), (_IMAGE, _LARGE)),
        ("add_f32", (0, 2, 1, 0.0, 1.0), (), (_IMAGE, _LARGE, PlanTensor("f32", (4, 3), "arena", 0, 48))),
        ("requantize_i8", (0, 0, 0.0, 0, 0), (), (_SMALL, _LARGE)),
        ("clamp_i8", (0, 0, -200, 0), (), (_SMALL, _LARGE)),
        ("clamp_i8", (0, 0, 1, 0), (), (_SMALL, _LARGE)),
        ("clamp_f32", (0, 1, 1.0, 0.0), (), (_IMAGE, _LARGE)),
        ("skip", (0, 1, 0, 1), (), (PlanTensor("u8", (), "arena", 0, 1), PlanTensor("i32", (), "arena", 16, 4))),
    ],
)
def test_an_op_that_does_not_fit_its_tensors_is_refused(name, values, rest, tensors):
    plan = _plan(tensors=tensors, ops=(PlanOp(BY_NAME[name], values, rest),), arena_bytes=2048)
    with pytest.raises(ModelError, match=name) as error:
        read_plan(write_plan(plan))
    assert error.value.code == "EFN-M022"


@pytest.mark.parametrize(
    ("x", "stride", "said"),
    [
        (_IMAGE, 4, "a window begins behind the input"),
        (PlanTensor("f32", (1, 4, 4, 8), "weights", 0, 256), 1, "x is packed"),
    ],
)
def test_a_convolution_of_what_is_not_there_is_refused(x, stride, said):
    w, bias = PlanTensor("f32", (8, 8), "weights", 0, 256), PlanTensor("f32", (8,), "weights", 0, 32)
    op = PlanOp(BY_NAME["conv2d_f32"], (0, 1, 2, 3, 1, 1, stride, 1, 1, 1, 0, 0, 0.0, 1.0, 1024))
    plan = _plan(
        tensors=(x, w, bias, _LARGE), ops=(op,), inputs=(3,), outputs=(3,), arena_bytes=8192, weights=bytes(256)
    )
    with pytest.raises(ModelError, match=said):
        read_plan(write_plan(plan))


@pytest.mark.parametrize(
    ("at", "scratch", "said"),
    [
        (496, 2048, "y overlaps x"),
        (512, 16, "its scratch overlaps x"),
        (512, 1008, "its scratch overlaps y"),
        (512, 2064, "does not fit in the arena"),
    ],
)
def test_an_op_that_writes_over_what_it_reads_is_refused(at, scratch, said):
    w, bias = PlanTensor("f32", (8, 8), "weights", 0, 256), PlanTensor("f32", (8,), "weights", 0, 32)
    op = PlanOp(BY_NAME["conv2d_f32"], (0, 1, 2, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0.0, 1.0, scratch))
    y = replace(_LARGE, offset=at)
    plan = _plan(tensors=(_IMAGE, w, bias, y), ops=(op,), outputs=(3,), arena_bytes=2064, weights=bytes(256))
    with pytest.raises(ModelError, match=said):
        read_plan(write_plan(plan))


def test_a_copy_of_packed_weights_is_refused():
    x = PlanTensor("f32", (1, 4, 4, 7), "weights", 0, 512)
    op = PlanOp(BY_NAME["copy"], (0, 1))
    plan = _plan(tensors=(x, _LARGE), ops=(op,), inputs=(1,), arena_bytes=2048, weights=bytes(512))
    with pytest.raises(ModelError, match="x is packed"):
        read_plan(write_plan(plan))


@given(st.integers(0, 300), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_mutated_plan_is_read_or_refused(offset, value):
    data = bytearray(write_plan(_plan()))
    data[offset % len(data)] = value
    try:
        read_plan(_sealed(data))
    except ModelError as error:
        assert error.code in {"EFN-M020", "EFN-M021", "EFN-M022"}  # noqa: PT017 -- most mutations are refused, some are harmless
