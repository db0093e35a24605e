import json
from math import inf

import numpy as np
import pytest

from edgefn.graph.ops import BY_NAME
from edgefn.graph.plan import write_plan
from edgefn.graph.records import Plan, PlanOp, PlanTensor

PREDICT = """
import { readFile } from "node:fs/promises";
import * as wrapper from "./digits.js";

const bytes = (hex) => new Float32Array(Uint8Array.from(Buffer.from(hex, "hex")).buffer);
const file = new URL("digits.wasm", `file://${process.cwd()}/`);
const response = (type) => new Response(wasm, { headers: { "content-type": type } });
const wasm = await readFile(file);
const asked = JSON.parse(await readFile("/dev/stdin", "utf8"));
const model = await wrapper.load(SOURCE);
console.log(JSON.stringify(asked.map((hex) => Buffer.from(model.predict(bytes(hex)).buffer).toString("hex"))));
"""
SOURCES = {
    "nothing": "",
    "a module": "await WebAssembly.compile(wasm)",
    "the promise of a module": "WebAssembly.compile(wasm)",
    "bytes": "wasm",
    "a buffer": "wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length)",
    "a URL": "file",
    "a string": "String(file)",
    "a response": 'response("application/wasm")',
    "a response of another type": 'response("application/octet-stream")',
}

NAMED = """
import { readFile } from "node:fs/promises";
import { load } from "./model.js";

const model = await load();
const asked = JSON.parse(await readFile("/dev/stdin", "utf8"));
const array = (name, values) => model.inputs[name].data.constructor.from(values);
const given = Object.fromEntries(asked.map(([name, values]) => [name, array(name, values)]));
const outputs = model.predict(given);
const described = ({ name, dtype, shape, quantization }) => ({ name, dtype, shape, quantization });
console.log(JSON.stringify({
  inputs: Object.values(model.inputs).map(described),
  outputs: Object.values(model.outputs).map((port) => ({ ...described(port), values: [...outputs[port.name]] })),
}));
"""

REFUSED = """
import { load } from "./FILE.js";
const f32 = new Float32Array(64);
const model = await load(SOURCE);
try {
  console.log(model.predict(GIVEN));
} catch (error) {
  console.log(error.name, error.message);
}
"""


@pytest.mark.parametrize("source", SOURCES)
def test_predictions_are_the_runners_bit_for_bit_however_the_module_is_given(node, digits, source):
    asked = json.dumps([x.hex() for x in digits.inputs])
    found = node(PREDICT.replace("SOURCE", SOURCES[source]), digits.folder, stdin=asked)
    assert json.loads(found) == [y.hex() for y in digits.outputs]


def test_named_tensors_of_every_dtype_travel_whatever_they_are_called(node, hostile):
    values = [[0.5, -1, 2, 3, 4, 5], [-128, 127, 0, 1, 2], [0, 255, 128, 1, 2, 3, 4], [-(2**31)]]
    found = json.loads(node(NAMED, hostile.folder, stdin=json.dumps(list(zip(hostile.inputs, values, strict=True)))))
    inputs, outputs = ({port["name"]: port for port in found[side]} for side in ("inputs", "outputs"))
    assert (set(inputs), set(outputs)) == (set(hostile.inputs), set(hostile.outputs))
    assert [inputs[n]["dtype"] for n in hostile.inputs] == ["f32", "i8", "u8", "i32"]
    assert [inputs[n]["shape"] for n in hostile.inputs] == [[2, 3], [5], [7], []]
    assert inputs[hostile.inputs[1]]["quantization"] == {"scale": 0.5, "zeroPoint": -3}
    assert inputs[hostile.inputs[0]]["quantization"] is None
    values[2] = (np.array(values[2]) - 128).tolist()
    assert [outputs[n]["values"] for n in hostile.outputs] == values


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("null", 'TypeError predict takes Float32Array(64) of shape [1, 1, 8, 8], or an object with "image", not null'),
        ("[1, 2]", "not Array(2)"),
        ("new Float64Array(64)", 'TypeError input "image" takes Float32Array(64) of shape [1, 1, 8, 8], not Float64'),
        ("f32.subarray(1)", 'RangeError input "image" takes Float32Array(64) of shape [1, 1, 8, 8], not Float32Arr'),
        ("{ image: f32.buffer }", 'TypeError input "image" takes Float32Array(64) of shape [1, 1, 8, 8], not ArrayBuf'),
        ("{ image: undefined }", "not undefined"),
        ("{}", "not undefined"),
        ("{ image: f32, imago: f32 }", 'TypeError the model has no input "imago", its inputs are "image"'),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(node, digits, given, said):
    source = REFUSED.replace("FILE", "digits").replace("SOURCE", "").replace("GIVEN", given)
    assert said in node(source, digits.folder)


def test_one_array_for_a_model_of_many_inputs_is_refused(node, hostile):
    source = REFUSED.replace("FILE", "model").replace("SOURCE", "").replace("GIVEN", "f32")
    assert r'TypeError predict takes an object with "__proto__", "say \"hi\"\n' in node(source, hostile.folder)


def test_an_input_that_only_a_prototype_has_is_missing(node, hostile):
    source = REFUSED.replace("FILE", "model").replace("SOURCE", "").replace("GIVEN", "{}")
    assert 'input "__proto__" takes Float32Array(6) of shape [2, 3], not undefined' in node(source, hostile.folder)


VIEWS = """
import { load } from "./digits.js";
const model = await load();
const { image } = model.inputs, { scores } = model.outputs;
const x = Float32Array.from({ length: 64 }, (_, i) => i / 64);
const copy = model.predict(x);
scores.data.fill(0);
image.data.set(x);
model.run();
const first = [...copy].every((value, i) => Object.is(value, scores.data[i]));
scores.data.fill(0);
console.log(first, copy.some(Boolean), image.data.buffer === scores.data.buffer);
"""


def test_views_are_the_models_own_memory_and_predictions_are_copies(node, digits):
    assert node(VIEWS, digits.folder).split() == ["true", "true", "true"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('new URL("file:///nowhere/digits.wasm")', "ENOENT"),
        ("42", "load takes a WebAssembly.Module, its bytes, a Response or a URL, not 42"),
        ("{}", "not Object"),
        ('new Response("", { status: 404 })', "cannot be loaded: status 404"),
        ("new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])", "the module is not the digits.wasm that was compiled with"),
        ('new URL("other/model.wasm", `file://${process.cwd()}/`)', "the module is not the digits.wasm"),
    ],
)
def test_what_is_not_the_module_is_refused(node, digits, hostile, source, said):
    if not (digits.folder / "other").exists():
        (digits.folder / "other").symlink_to(hostile.folder)
    ask = f'import {{ load }} from "./digits.js";\nawait load({source}).catch((error) => console.log(error.message));'
    assert said in node(ask, digits.folder)


def test_a_file_whose_name_needs_escapes_is_found(node, digits_plan, write, tmp_path):
    write(digits_plan, tmp_path, "my 100% #1")
    ask = 'const { load } = await import("./my 100%25 %231.js");\nconsole.log((await load()).outputs.scores.shape);'
    assert node(ask, tmp_path).strip() == "[ 1, 10 ]"


STREAM = """
import { load } from "./model.js";
const model = await load();
const seen = [1, 2].map(() => model.predict(new Float32Array([1]))[0]);
model.reset();
console.log(JSON.stringify([...seen, model.predict(new Float32Array([1]))[0]]));
"""


def test_what_a_streaming_model_remembers_is_forgotten_by_reset(node, write, tmp_path):
    tensors = [PlanTensor("f32", (1,), "arena", at, 4) for at in (0, 16, 32)]
    ops = (PlanOp(BY_NAME["add_f32"], (0, 1, 0, -inf, inf)), PlanOp(BY_NAME["copy"], (0, 2)))
    meta = {side: [{"name": side, "layout": None}] for side in ("inputs", "outputs")}
    first = np.full(4, 5, np.float32).tobytes()
    write(write_plan(Plan(tuple(tensors), ops, (1,), (2,), first, 48, meta, state_bytes=16)), tmp_path)
    assert json.loads(node(STREAM, tmp_path)) == [6, 7, 6]


BATCH = """
import { load } from "./rows.js";
const model = await load();
const said = [model.batch, ...Object.values(model.outputs).map((port) => port.labels)];
const { y, label } = model.predict(Float32Array.of(1, -2, -3, 4, -5, 6));
for (const wrong of [new Float32Array(0), new Float32Array(3), new Float32Array(2 * 1025)]) {
  try { model.predict(wrong); } catch (error) { said.push(error.message); }
}
console.log(JSON.stringify([...said, [...y], [...label]]));
"""


def test_items_are_run_one_after_another_and_outputs_know_their_labels(node, write, tmp_path):
    """y is x where it is positive, label the place of the larger."""
    tensors = tuple(
        PlanTensor(dtype, dims, "arena", 16 * i, 4 * dims[-1])
        for i, (dtype, dims) in enumerate([("f32", (1, 2)), ("f32", (1, 2)), ("i32", (1, 1))])
    )
    ops = (PlanOp(BY_NAME["clamp_f32"], (0, 1, 0.0, inf)), PlanOp(BY_NAME["arg"], (1, 2, 0, 0, 2, 1)))
    port = {"layout": None}
    meta = {
        "inputs": [port | {"name": "x"}],
        "outputs": [port | {"name": "y"}, port | {"name": "label", "labels": ["left", "right"]}],
        "batch": 1024,
    }
    write(write_plan(Plan(tensors, ops, (0,), (1, 2), b"", 48, meta)), tmp_path, "rows")
    batch, none, labels, *errors, y, label = json.loads(node(BATCH, tmp_path))
    assert (batch, none, labels) == (1024, [], ["left", "right"])
    wanted = 'input "x" takes Float32Array(2) of shape [1, 2], or up to 1024 such items, not Float32Array'
    assert errors == [f"{wanted}({size})" for size in (0, 3, 2050)]
    assert (y, label) == ([1, 0, 0, 4, 0, 6], [0, 1, 1])
