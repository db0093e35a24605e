import pytest

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.surprise import surprises


@pytest.mark.parametrize("error", [IndexError("no such axis"), ValueError("no such axis"), ZeroDivisionError("axis")])
def test_what_a_handler_stumbles_over_is_an_error_with_a_hint_and_the_traceback(error):
    with (
        pytest.raises(UnsupportedError, match="Conv operator 'c' has a form that edgefn does not expect") as raised,
        surprises("Conv", "c"),
    ):
        raise error
    assert raised.value.code == "EFN-M011"
    assert raised.value.hint
    assert type(error).__name__ in raised.value.detail


def test_what_a_handler_refuses_and_what_is_a_bug_go_through():
    refused = ModelError("EFN-M006", "it is malformed", hint="mend it")
    for error in (refused, AssertionError("a bug")):
        with pytest.raises(type(error)) as raised, surprises("Conv", "c"):
            raise error
        assert raised.value is error


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "says"),
    [
        ("Equal", 3, {}, "it has 3 inputs"),
        ("Celu", 1, {"alpha": float("-inf")}, "has the parameters -inf"),
        ("Unsqueeze", 2, {}, "not integers"),
    ],
)
def test_impossible_forms_say_what_is_wrong(model, compiled, op, inputs, attributes, says):
    m = model()
    x = m.input("x", (2, 3))
    m.output(m.node(op, x, *[m.random(1) for _ in range(inputs - 1)], **attributes))
    with pytest.raises(ModelError, match=says) as error:
        compiled(m)
    assert not error.value.detail
