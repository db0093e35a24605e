import subprocess

import pytest

USES = """
import { load, type Inputs, type Model } from "./digits.js";

const model: Model = await load(new URL("https://example.org/digits.wasm"));
await load(fetch("digits.wasm"));
await load();
const image = new Float32Array(64);
const scores: Float32Array = model.predict(image);
const named: Inputs = { image };
model.predict(named);
model.run();
const shape: readonly [1, 10] = model.outputs.scores.shape;
const dtype: "f32" = model.inputs.image.dtype;
model.inputs.image.data.set(scores);
// @ts-expect-error: of another type
model.predict(new Int8Array(64));
// @ts-expect-error: of another name
model.predict({ picture: image });
// @ts-expect-error: no such output
model.outputs.picture;
// @ts-expect-error: a view has its place
model.inputs.image.data = image;
"""

HOSTILE = r"""
import { load } from "./model.js";

const model = await load();
const given = {
  ["__proto__"]: new Float32Array(6),
  'say "hi"\n\u2028\u2029 */ ${x} `': new Int8Array(5),
  "</script><!-- <script>": new Uint8Array(7),
  constructor: new Int32Array(1),
};
const outputs = model.predict(given);
const first: Float32Array = outputs["0"];
const last: Int32Array = outputs["\u00e9\u{1f600}\0"];
// @ts-expect-error: several inputs go by name
model.predict(new Float32Array(6));
"""


@pytest.fixture
def check(packages):
    """Holds the source of a TypeScript module in a folder against the types beside it."""

    def check(source, folder, *options):
        (folder / "uses.mts").write_text(source)
        strict = ("--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom")
        asked = [packages / "tsc", *strict, *options, "uses.mts"]
        done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout

    return check


@pytest.mark.parametrize("resolution", [("nodenext", "nodenext"), ("esnext", "bundler")])
def test_right_uses_are_of_the_right_types_and_wrong_ones_are_refused(check, digits, resolution):
    check(USES, digits.folder, "--module", resolution[0], "--moduleResolution", resolution[1])


def test_hostile_names_are_properties(check, hostile):
    check(HOSTILE, hostile.folder, "--module", "nodenext")
