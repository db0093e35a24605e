"""A page that loads the module and shows a prediction."""

import re

import numpy as np
import pytest

from edgefn.engine.standalone import Runner

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>digits</title>
<style>body { font: 20px sans-serif; margin: 40px } canvas { width: 160px; image-rendering: pixelated }</style>
<canvas width="8" height="8"></canvas>
<p>This is a <output>…</output></p>
<pre></pre>
<script type="module">
import { load } from "./digits.js";

const pixels = PIXELS;
const model = await load();
const scores = model.predict(Float32Array.from(pixels, (value) => value / 16));

const image = new ImageData(8, 8);
pixels.forEach((value, i) => image.data.set([value * 15, value * 15, value * 15, 255], 4 * i));
document.querySelector("canvas").getContext("2d").putImageData(image, 0, 0);
document.querySelector("output").value = scores.indexOf(Math.max(...scores));
const hex = Array.from(new Uint8Array(scores.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
document.querySelector("pre").textContent = hex.replace(/.{8}/g, "$& ");
</script>
"""


@pytest.fixture(scope="module")
def drawn(digits_model):
    """Pixels of a held-out picture, 0 to 16, and what it shows."""
    with np.load(digits_model.parent / "heldout.npz") as heldout:
        return heldout["images"][0].reshape(64), int(heldout["labels"][0])


def test_a_page_loads_the_module_and_shows_the_runners_prediction(chromium, digits, digits_plan, drawn):
    pixels, label = drawn
    with Runner(digits_plan) as runner:
        wanted = runner.run([pixels.astype(np.float32) / 16])[0]
    (digits.folder / "page.html").write_text(PAGE.replace("PIXELS", str(pixels.astype(int).tolist())))
    shown = chromium(digits.folder, "page.html")
    assert f"<output>{label}</output>" in shown
    assert re.search("<pre>(.*) </pre>", shown)[1].replace(" ", "") == wanted.hex()
