"""Archives of cases are hostile: whatever is in them, what comes out is cases or one clear error."""

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefn.bench import cases
from edgefn.bench.cases import load_cases
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
