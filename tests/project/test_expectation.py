import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.project import Expectation

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


def mismatches(expected: object, got: object, tolerance: float = 1e-6) -> tuple[str, ...]:
    return Expectation(json=expected, tolerance=tolerance).mismatches(200, (), json.dumps(got).encode())


def test_what_is_as_expected_has_no_mismatches():
    expect = Expectation(200, {"a": 1}, None, (("Content-Type", "application/json"),))
    assert expect.mismatches(200, (("content-type", "application/json"),), b'{"a": 1, "b": 2}') == ()


def test_every_difference_is_one_line():
    expect = Expectation(200, None, "yes", (("x-a", "1"),))
    assert expect.mismatches(404, (("x-a", "2"), ("x-a", "3")), b"no") == (
        "status: expected 200, got 404",
        'header x-a: expected "1", got "2", "3"',
        'body: expected "yes", got "no"',
    )


def test_without_an_expected_status_a_server_error_is_a_mismatch():
    assert Expectation().mismatches(404, (), b"") == ()
    assert Expectation().mismatches(500, (), b"") == ("status: expected below 500, got 500",)


@pytest.mark.parametrize(
    ("expected", "got", "says"),
    [
        ({"label": 7}, {"label": 3}, "$.label: expected 7, got 3"),
        ({"a": {"b c": [1, 2]}}, {"a": {"b c": [1, 3]}}, '$.a["b c"][1]: expected 2, got 3'),
        ({"a": 1}, {"b": 1}, "$.a: expected 1, got nothing"),
        ([1, 2], [1], "$: expected 2 elements, got 1"),
        ({"a": True}, {"a": 1}, "$.a: expected true, got 1"),
        ({"a": 1}, {"a": True}, "$.a: expected 1, got true"),
        ({"a": 1}, {"a": "1"}, '$.a: expected 1, got "1"'),
        ({"a": None}, {"a": 0}, "$.a: expected null, got 0"),
        ([], {}, "$: expected [], got {}"),
        ({"a": 0.5}, {"a": 0.51}, "$.a: expected 0.5, got 0.51"),
        ({"a": 10**400}, {"a": 1.5}, f"$.a: expected {str(10**400)[:117]}..., got 1.5"),
    ],
)
def test_a_difference_names_the_place_what_was_expected_and_what_came(expected, got, says):
    assert mismatches(expected, got) == (says,)


def test_numbers_may_differ_by_the_tolerance():
    assert mismatches({"score": 0.5}, {"score": 0.509}, tolerance=0.01) == ()
    assert mismatches({"score": 1}, {"score": 1.0}) == ()


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[" * 200_000])
def test_a_body_that_is_not_json_is_a_mismatch(body):
    (one,) = Expectation(json={}).mismatches(200, (), body)
    assert one.startswith("body: expected JSON, got ")
    assert len(one) < 200


def test_a_number_that_is_none_is_never_equal():
    assert Expectation(json=[1.0]).mismatches(200, (), b"[NaN]") == ("$[0]: expected 1.0, got NaN",)


@given(JSON.filter(lambda value: value is not None))
def test_every_value_matches_itself(value):
    assert mismatches(value, value, tolerance=0) == ()


@given(JSON.filter(lambda value: value is not None), JSON)
def test_any_two_values_can_be_compared(expected, got):
    assert all(line.startswith("$") for line in mismatches(expected, got))
