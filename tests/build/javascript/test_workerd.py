import shutil

import httpx
import pytest

WORKER = """
import wasm from "./digits.wasm";
import { load } from "./digits.js";

const model = await load(wasm);

export default {
  async fetch(request) {
    if (request.method === "GET") return new Response(await load().catch((error) => `${error}`));
    return new Response(model.predict(new Float32Array(await request.arrayBuffer())));
  },
};
"""


@pytest.fixture(scope="module")
def address(workerd, digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("worker")
    for name in ("digits.js", "digits.wasm"):
        shutil.copy(digits.folder / name, folder)
    (folder / "worker.js").write_text(WORKER)
    with workerd(folder) as address:
        yield address


def test_predictions_are_the_runners_bit_for_bit(address, digits):
    assert [httpx.post(address, content=x).content for x in digits.inputs] == digits.outputs


def test_a_worker_that_does_not_pass_the_module_is_told_to(address):
    assert "import digits.wasm, and pass it to load" in httpx.get(address).text
