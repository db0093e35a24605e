import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefn.errors import ConfigError, EdgefnError
from edgefn.project import Expectation, Sample, SampleRequest, load_function, load_samples


def write(folder: Path, sample: object, name: str = "one") -> Path:
    path = folder / "samples" / f"{name}.json"
    path.write_text(sample if isinstance(sample, str) else json.dumps(sample))
    return path


def read(folder: Path, sample: object) -> Sample:
    write(folder, sample)
    (one,) = load_samples(load_function(folder))
    return one


def refused(folder: Path, sample: object) -> ConfigError:
    path = write(folder, sample)
    with pytest.raises(ConfigError) as caught:
        load_samples(load_function(folder))
    assert str(path.resolve()) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_function_without_samples_has_none(folder):
    (folder / "samples").rmdir()
    assert load_samples(load_function(folder)) == ()


def test_an_empty_sample_takes_every_default(folder):
    sample = read(folder, {})
    assert sample.request == SampleRequest("GET", "/", (), b"")
    assert sample.expect == Expectation()


def test_everything_that_can_be_written_is_read(folder):
    request = {"method": "POST", "url": "/a?b=c", "headers": [["X-A", "1"], ["X-A", "2"]], "body": "hé"}
    expect = {"status": 201, "json": {"a": [1]}, "headers": [["Content-Type", "text/plain"]], "tolerance": 0.5}
    sample = read(folder, {"request": request, "expect": expect})
    assert sample.name == "one"
    assert sample.request == SampleRequest("POST", "/a?b=c", (("x-a", "1"), ("x-a", "2")), "hé".encode())
    assert sample.expect == Expectation(201, {"a": [1]}, None, (("content-type", "text/plain"),), 0.5)


def test_samples_come_sorted_by_name_or_as_asked(folder):
    for name in ("b", "a", "c"):
        write(folder, {}, name)
    function = load_function(folder)
    assert [s.name for s in load_samples(function)] == ["a", "b", "c"]
    assert [s.name for s in load_samples(function, names=("c", "a"))] == ["c", "a"]


def test_a_sample_that_is_not_there_is_answered_with_the_nearest(folder):
    write(folder, {}, "seven")
    with pytest.raises(ConfigError) as caught:
        load_samples(load_function(folder), names=("sevne",))
    assert caught.value.code == "EFN-C010"
    assert "did you mean seven?" in caught.value.hint


def test_a_body_comes_from_base64_or_a_file(folder):
    (folder / "samples" / "digit.png").write_bytes(b"\x89PNG")
    assert read(folder, {"request": {"body_base64": "iVBORw=="}}).request.body == b"\x89PNG"
    assert read(folder, {"request": {"body_file": "digit.png"}}).request.body == b"\x89PNG"


@pytest.mark.parametrize("name", ["none.png", "../handler.py", "/etc/passwd", ".", "", "a\0b", "x" * 5000])
def test_a_body_file_that_is_missing_or_outside_is_refused(folder, name):
    error = refused(folder, {"request": {"body_file": name}})
    assert error.code == "EFN-C012"
    assert "body_file" in error.message


def test_a_body_file_that_links_outside_is_refused(folder):
    (folder / "samples" / "link").symlink_to(folder / "handler.py")
    assert "expected a file inside" in refused(folder, {"request": {"body_file": "link"}}).message


def test_two_bodies_are_refused(folder):
    assert refused(folder, {"request": {"body": "a", "body_base64": "YQ=="}}).code == "EFN-C012"


@pytest.mark.parametrize("body", ["a", "é", "YQ==\n", "a==="])
def test_what_is_not_base64_is_refused(folder, body):
    assert refused(folder, {"request": {"body_base64": body}}).code == "EFN-C012"


@pytest.mark.parametrize(
    ("sample", "key", "table", "meant"),
    [
        ({"requests": {}}, "requests", "the top level", "request"),
        ({"request": {"bdy": ""}}, "bdy", '"request"', "body"),
        ({"expect": {"statsu": 200}}, "statsu", '"expect"', "status"),
        ({"expect": {"json_": 1}}, "json_", '"expect"', "json"),
    ],
)
def test_an_unknown_key_is_named_with_its_table_and_the_nearest_valid_name(folder, sample, key, table, meant):
    error = refused(folder, sample)
    assert error.code == "EFN-C004"
    assert f'unknown key "{key}" in {table}' in error.message
    assert f"rename it to {meant}" in error.hint


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        ([], "the top level is []: expected an object"),
        ({"request": 3}, "request in the top level is 3: expected an object"),
        ({"request": {"method": "get"}}, 'method in "request" is "get": expected a method in upper case'),
        ({"request": {"url": "x"}}, 'url in "request" is "x": expected a path'),
        ({"request": {"url": "/a b"}}, 'url in "request" is "/a b": expected a path'),
        ({"request": {"headers": {"a": "b"}}}, 'headers in "request" is {"a": "b"}: expected a list of [name, value]'),
        ({"expect": {"status": "200"}}, 'status in "expect" is "200": expected a status from 100 to 599'),
        ({"expect": {"status": True}}, 'status in "expect" is true: expected a status from 100 to 599'),
        ({"expect": {"tolerance": -1}}, 'tolerance in "expect" is -1: expected a number, zero or more'),
        ({"expect": {"json": None}}, 'json in "expect" is null'),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_was_expected(folder, sample, says):
    error = refused(folder, sample)
    assert error.code == "EFN-C005"
    assert says in error.message


@pytest.mark.parametrize("pair", [["a b", "c"], ["", "c"], ["a", "b\r\nc: d"], ["a", "\0"], ["a", "\ud800"]])
def test_a_header_that_cannot_be_sent_is_refused(folder, pair):
    assert refused(folder, {"request": {"headers": [pair]}}).code == "EFN-C013"


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"expect": {"json": Infinity}}', "[" * 200_000, "1" * 5_000])
def test_what_is_not_json_is_refused(folder, text):
    assert refused(folder, text).code == "EFN-C011"


@pytest.mark.parametrize("where", [{"request": {"body": "\ud800"}}, {"expect": {"text": "\ud800"}}])
def test_half_a_surrogate_pair_is_refused(folder, where):
    assert refused(folder, where).code == "EFN-C012"


def test_a_folder_in_place_of_a_sample_is_refused(folder):
    (folder / "samples" / "one.json").mkdir()
    with pytest.raises(ConfigError) as caught:
        load_samples(load_function(folder))
    assert caught.value.code == "EFN-C002"


KEYS = st.sampled_from(
    ["request", "expect", "method", "url", "headers", "body", "body_base64", "body_file", "status", "json", "text", "x"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["GET", "/", "."]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
SAMPLES = st.fixed_dictionaries({}, optional={"request": JSON, "expect": JSON}) | JSON


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.binary(max_size=200) | SAMPLES.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_written_only_our_errors_come_out(folder, data):
    (folder / "samples" / "one.json").write_bytes(data)
    try:
        load_samples(load_function(folder))
    except EdgefnError as error:
        assert error.hint  # noqa: PT017 -- an error is one of two good outcomes
