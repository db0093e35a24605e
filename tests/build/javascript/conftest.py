"""Models with their modules and wrappers, in folders, and what the Runner says of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from edgefn.build.javascript import write_wrapper
from edgefn.engine.module import embed
from edgefn.engine.standalone import Runner
from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.ops import BY_NAME
from edgefn.graph.plan import write_plan
from edgefn.graph.records import Plan, PlanOp, PlanTensor

HOSTILE = ("__proto__", 'say "hi"\n\u2028\u2029 */ ${x} `', "</script><!-- <script>", "constructor")
OTHERS = ("0", "", "\\u0022", "é\U0001f600\x00")


@pytest.fixture(scope="session")
def write():
    """Writes NAME.wasm, NAME.js and NAME.d.ts of a plan into a folder."""

    def write(plan, folder, name="model"):
        wrapper = write_wrapper(plan, f"{name}.wasm")
        (folder / f"{name}.wasm").write_bytes(embed(plan))
        (folder / f"{name}.js").write_text(wrapper.module)
        (folder / f"{name}.d.ts").write_text(wrapper.types)
        return wrapper

    return write


@pytest.fixture(scope="session")
def digits_plan(digits_model):
    return compile_model(read_model(digits_model), name="digits").plan


@pytest.fixture(scope="session")
def digits(digits_plan, write, tmp_path_factory):
    """The digits model: its folder, four inputs, and the Runner's outputs for them, as raw bytes."""
    folder = tmp_path_factory.mktemp("digits")
    write(digits_plan, folder, "digits")
    inputs = np.random.default_rng(1).random((4, 64), np.float32)
    with Runner(digits_plan) as runner:
        outputs = [runner.run([x])[0] for x in inputs]
    return SimpleNamespace(folder=folder, inputs=[x.tobytes() for x in inputs], outputs=outputs)


def hostile_plan(ins=HOSTILE, outs=OTHERS):
    """Four inputs and four outputs of all dtypes: each output is its input, but the u8 one as i8."""
    tensors = (
        *(PlanTensor("f32", (2, 3), "arena", 0, 24), PlanTensor("f32", (6,), "arena", 32, 24)),
        *(PlanTensor("i8", (5,), "arena", 64, 5, 0.5, -3), PlanTensor("i8", (5,), "arena", 80, 5, 0.5, -3)),
        *(PlanTensor("u8", (7,), "arena", 96, 7), PlanTensor("i8", (7,), "arena", 112, 7)),
        *(PlanTensor("i32", (), "arena", 128, 4), PlanTensor("i32", (), "arena", 144, 4)),
    )
    codes = ("copy", "copy", "flip_sign", "copy")
    ops = tuple(PlanOp(BY_NAME[code], (2 * i, 2 * i + 1)) for i, code in enumerate(codes))
    named = {
        side: [{"name": name, "layout": None} for name in names] for side, names in (("inputs", ins), ("outputs", outs))
    }
    return write_plan(Plan(tensors, ops, (0, 2, 4, 6), (1, 3, 5, 7), b"", 192, named))


@pytest.fixture(scope="session")
def make_hostile_plan():
    return hostile_plan


@pytest.fixture(scope="session")
def hostile(write, tmp_path_factory):
    """A model whose names are chosen to break what is written with them."""
    folder = tmp_path_factory.mktemp("hostile")
    return SimpleNamespace(folder=folder, wrapper=write(hostile_plan(), folder), inputs=HOSTILE, outputs=OTHERS)
