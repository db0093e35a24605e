"""Archives of cases are hostile: whatever is in them, what comes out is cases or one clear error."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edgefn.bench import cases
from edgefn.bench.cases import Archive, load_cases
from edgefn.errors import UsageError
from edgefn.graph.compiler import compile_model, read_model
from edgefn.graph.plan import read_plan

IMAGE = np.zeros((1, 1, 8, 8), np.float32)
SHARED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def plan(digits_model):
    return read_plan(compile_model(read_model(digits_model), name="digits").plan)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("cases") / "c.npz"
    np.savez_compressed(path, image=IMAGE + np.arange(8, dtype=np.float32))
    return path


@SHARED
@given(st.data())
def test_a_damaged_archive_is_one_clear_error(plan, archive, tmp_path, data):
    damaged = bytearray(archive.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    (tmp_path / "d.npz").write_bytes(damaged)
    try:
        load_cases(tmp_path / "d.npz").cases(plan)
    except UsageError as error:
        assert error.code in {"EFN-U040", "EFN-U041", "EFN-U042"}  # noqa: PT017 -- a mutation may be harmless


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(cases, "MAX_BYTES", 10_000)
    np.savez_compressed(tmp_path / "bomb.npz", image=np.zeros(5_000, np.float32))
    assert (tmp_path / "bomb.npz").stat().st_size < 1_000
    with pytest.raises(UsageError, match="unpacks to 20,"):
        load_cases(tmp_path / "bomb.npz").cases(plan)


def test_a_header_that_claims_more_than_memory_holds_is_refused(plan, tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as made:
        made.writestr("image.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(UsageError) as caught:
        load_cases(tmp_path / "c.npz").cases(plan)
    assert caught.value.code == "EFN-U040"


@pytest.fixture
def rows(tmp_path):
    """x [n, 2] to the class of each row, of which y is the score."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "rows", [x], [y])
    (tmp_path / "m.onnx").write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )
    return read_plan(compile_model(read_model(tmp_path / "m.onnx"), name="rows").plan)


def saved(path, **arrays):
    np.savez(path, **{name.replace("__", "/"): array for name, array in arrays.items()})
    return load_cases(path)


def test_a_case_of_several_items_counts_as_as_many(rows, tmp_path):
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    archive = saved(tmp_path / "c.npz", in__0__x=x[:1], in__1__x=x[1:], out__1__y=x[1:])
    found = archive.cases(rows)
    assert [case.inputs[0].tolist() for case in found] == [[row] for row in x.tolist()]
    assert [case.wanted[0] is None for case in found] == [True, False, False, False]


def test_a_case_whose_arrays_hold_different_numbers_of_items_is_refused(rows, tmp_path):
    archive = saved(tmp_path / "c.npz", in__0__x=np.zeros((2, 2), np.float32), out__0__y=np.zeros((3, 2), np.float32))
    with pytest.raises(UsageError, match=r"hold \[2, 3\] items") as caught:
        archive.cases(rows)
    assert caught.value.code == "EFN-U042"


def test_the_names_of_many_cases_are_gone_through_once(rows, tmp_path):
    class Arrays(dict):
        rounds = 0

        def __iter__(self):
            self.rounds += 1
            return super().__iter__()

    arrays = Arrays({f"in/{i}/x": np.zeros((1, 2), np.float32) for i in (*range(300), 301)})
    assert len(Archive(tmp_path / "c.npz", arrays).cases(rows)) == 300
    assert arrays.rounds == 1


def test_reals_are_rounded_to_the_type_that_they_are_computed_in_and_integers_are_not(rows, tmp_path):
    port = rows.meta["inputs"][0]
    port["dtype"] = "f64"
    (case,) = saved(tmp_path / "c.npz", x=np.full((1, 2), 1 / 3)).cases(rows)
    assert case.inputs[0].tolist() == [[np.float32(1 / 3)] * 2]
    port["dtype"] = "i64"
    with pytest.raises(UsageError, match="reaches from"):
        saved(tmp_path / "c.npz", x=np.full((1, 2), 2**24 + 1)).cases(rows)


def test_labels_of_an_output_are_its_places(rows, tmp_path):
    """A plan of strings, made of the one that is here."""
    rows.meta["outputs"][0]["labels"] = ["low", "high"]
    y = replace(rows.tensors[rows.outputs[0]], dtype="i32")
    plan = replace(rows, tensors=(*rows.tensors, y), outputs=(len(rows.tensors),))
    x = np.zeros((1, 2), np.float32)
    (case,) = saved(tmp_path / "c.npz", in__0__x=x, out__0__y=np.array([["high", "low"]])).cases(plan)
    assert case.wanted[0].tolist() == [[1, 0]]
    with pytest.raises(UsageError, match="'medium', which is none of the model's labels"):
        saved(tmp_path / "c.npz", in__0__x=x, out__0__y=np.array([["high", "medium"]])).cases(plan)


def test_a_single_number_is_an_array_without_dimensions(tmp_path):
    x, y = (helper.make_tensor_value_info(n, TensorProto.INT64, []) for n in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    np.savez(tmp_path / "c.npz", x=np.array(16_000))
    plan = read_plan(compile_model(read_model(tmp_path / "m.onnx"), name="m").plan)
    (case,) = load_cases(tmp_path / "c.npz").cases(plan)
    assert (case.inputs[0].shape, case.inputs[0]) == ((), 16_000)
