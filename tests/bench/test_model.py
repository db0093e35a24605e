"""`edgefn model run`: cases from a file, times, and differences to what is known."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def images(digits_model):
    return np.load(digits_model.with_name("heldout.npz"))["images"][:3].reshape(3, 1, 1, 8, 8).astype(np.float32) / 16


def save(path, **arrays):
    np.savez(path, **{name.replace("__", "/"): array for name, array in arrays.items()})
    return path


def test_a_model_runs_on_named_inputs(edgefn, digits_model, images, tmp_path):
    status, said = edgefn.json("model", "run", digits_model, "--inputs", save(tmp_path / "c.npz", image=images[0]))
    assert status == 0
    assert (said["model"], said["cases"], said["maxd"]) == ("digits-int8", 1, None)
    assert 0 < said["min"] <= said["med"] <= said["cold"]
    assert said["runs"] >= 20


def test_many_cases_are_held_against_known_outputs(edgefn, digits_model, images, tmp_path):
    near = {f"out__{i}__scores": np.full((1, 10), 0.5, np.float32) for i in range(3)}
    cases = save(tmp_path / "c.npz", **{f"in__{i}__0": x for i, x in enumerate(images)}, **near)
    plan = tmp_path / "digits.plan"
    assert edgefn("model", "compile", digits_model, "-o", plan).returncode == 0
    status, said = edgefn.json("model", "run", plan, "--inputs", cases, "--flavour", "relaxed-simd", "--epochs")
    assert (status, said["cases"], said["flavour"]) == (0, 3, "relaxed-simd")
    assert 0.4 < said["maxd"] <= 0.5


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"picture": np.zeros((1, 1, 8, 8), np.float32)}, "EFN-U041"),
        ({"image": np.zeros((1, 1, 8, 8))}, "EFN-U042"),
        ({"image": np.zeros((1, 64), np.float32)}, "EFN-U042"),
        ({"image": np.array([{}], object)}, "EFN-U040"),
        ({"image": np.zeros((1, 1, 8, 8), np.float32), "out__0__0": np.zeros((1, 10))}, "EFN-U042"),
        ({"image": np.zeros((1, 1, 8, 8), np.float32), "out__0__0": np.zeros((10,), np.float32)}, "EFN-U042"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(edgefn, digits_model, tmp_path, arrays, said):
    done = edgefn("model", "run", digits_model, "--inputs", save(tmp_path / "c.npz", **arrays))
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut", b"\x93NUMPY", b"text"])
def test_a_file_that_holds_no_cases_is_refused(edgefn, digits_model, tmp_path, content):
    path = tmp_path / "c.npz"
    if content is not None:
        path.write_bytes(content)
    done = edgefn("model", "run", digits_model, "--inputs", path)
    assert (done.returncode, "EFN-U040" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
