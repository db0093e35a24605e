import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn import Response
from edgefn.guest.doors import bytes as bytes_door
from edgefn.guest.doors import text as text_door
from edgefn.guest.shim import Shim

HEAD = {
    "id": "1",
    "method": "POST",
    "url": "/a?b=1",
    "headers": [["x-a", "1"], ["X-A", "2"]],
    "client": {},
    "enc": "text",
}


def shim(handle=lambda request: Response(request.body)):
    return Shim(handle, "/0", lambda: 65536)


def ask(handle, body="", **head):
    answered, _, out = text_door.answer(shim(handle), f"{json.dumps(HEAD | head)}\n{body}").partition("\n")
    return json.loads(answered), out


def test_text_goes_through_as_text():
    head, body = ask(lambda r: Response(r.text.upper()), "grüß dich\nzweite Zeile")
    assert (head["status"], head["enc"], head["memory"], body) == (200, "text", 65536, "GRÜSS DICH\nZWEITE ZEILE")


def test_bytes_go_through_as_base64_when_they_are_not_text():
    head, body = ask(lambda r: Response(r.body[::-1]), base64.b64encode(b"\xff\x00\x01").decode(), enc="base64")
    assert head["enc"] == "base64"
    assert base64.b64decode(body) == b"\x01\x00\xff"


def test_the_bytes_door_carries_bodies_raw():
    frame = json.dumps(HEAD | {"enc": "raw"}).encode() + b"\n\x00\xff\n"
    head, _, body = bytes_door.answer(shim(), frame).partition(b"\n")
    assert (json.loads(head)["enc"], body) == ("raw", b"\x00\xff\n")


def test_headers_are_found_without_case_and_kept_in_order():
    head, _ = ask(lambda r: Response.json([r.headers.get("X-a"), r.headers.all("x-A"), r.path]))
    assert head["headers"] == [["content-type", "application/json"]]
    _, body = ask(lambda r: Response.json([r.headers.get("X-a"), r.headers.all("x-A"), r.path]))
    assert json.loads(body) == ["1", ["1", "2"], "/a"]


def changed(**attributes):
    response = Response("x")
    for name, value in attributes.items():
        setattr(response, name, value)
    return response


def raising(error):
    def handle(request):
        raise error

    return handle


@pytest.mark.parametrize(
    ("handle", "kind", "name"),
    [
        (raising(ZeroDivisionError("nothing")), "exception", "ZeroDivisionError"),
        (raising(SystemExit(3)), "exit", "SystemExit"),
        (raising(KeyboardInterrupt()), "exception", "KeyboardInterrupt"),
        (lambda r: "text", "bad-response", "TypeError"),
        (lambda r: None, "bad-response", "TypeError"),
        (lambda r: Response(b"", 42), "exception", "ValueError"),
        (lambda r: Response("x", headers=[("x-a", "b\r\nset-cookie: c")]), "bad-response", "ValueError"),
        (lambda r: Response("x", headers=[("x a", "b")]), "bad-response", "ValueError"),
        (lambda r: Response("x", headers=[("x-a", "€")]), "bad-response", "ValueError"),
        (lambda r: Response("half \ud800"), "bad-response", "UnicodeEncodeError"),
        (lambda r: Response("content", 204), "bad-response", "ValueError"),
        (lambda r: Response(bytes(48 << 20)), "bad-response", "ValueError"),
        (lambda r: changed(status="abc"), "bad-response", "ValueError"),
        (lambda r: changed(body=5), "bad-response", "TypeError"),
        (lambda r: changed(headers=5), "bad-response", "TypeError"),
        (lambda r: changed(headers=[("x-a", 1)]), "bad-response", "TypeError"),
        (lambda r: Response.json(float("nan")), "exception", "ValueError"),
    ],
)
def test_whatever_a_handler_does_becomes_a_failure(handle, kind, name):
    head, body = ask(handle)
    assert (head["status"], head["failure"]["kind"], head["failure"]["type"], body) == (500, kind, name, "")


def test_an_exception_that_cannot_be_read_is_still_told():
    class Broken(Exception):
        def __str__(self):
            raise SystemExit

    head, _ = ask(raising(Broken()))
    assert (head["failure"]["type"], "SystemExit" in head["failure"]["message"]) == ("Broken", True)


@pytest.mark.parametrize("content", [b"a\0b", "a\0b"])
def test_text_with_nul_goes_as_base64(content):
    head, body = ask(lambda r: Response(content))
    assert (head["enc"], base64.b64decode(body)) == ("base64", b"a\0b")


def test_a_failure_names_file_line_and_function():
    head, _ = ask(raising(ValueError("x" * 9000)))
    assert len(head["failure"]["message"]) == 4096
    assert head["failure"]["frames"][-1]["function"] == "handle"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "\n",
        "{",
        "[]\n",
        "null\nx",
        json.dumps({**HEAD, "enc": "rot13"}) + "\n",
        json.dumps({**HEAD, "enc": "base64"}) + "\n***",
        json.dumps({**HEAD, "headers": 1}) + "\n",
        json.dumps({**HEAD, "method": 1}) + "\n",
        '{"a":' * 100_000,
        "x" * (1 << 21),
        "x" * ((64 << 20) + 1),
    ],
)
def test_a_bad_frame_is_answered_not_trapped(frame):
    head = json.loads(text_door.answer(shim(), frame).partition("\n")[0])
    assert head["failure"]["kind"] == "bad-frame"


@given(st.text(max_size=200))
def test_any_text_is_answered_by_the_text_door(frame):
    assert json.loads(text_door.answer(shim(), frame).partition("\n")[0])["status"] == 500


@given(st.binary(max_size=200))
def test_any_bytes_are_answered_by_the_bytes_door(frame):
    assert json.loads(bytes_door.answer(shim(), frame).partition(b"\n")[0])["status"] == 500


def test_random_numbers_are_seeded_again_once_after_a_snapshot():
    import random

    made = shim(lambda r: Response(str(random.random())))
    frame = json.dumps(HEAD) + "\n"
    random.seed(1)
    first = text_door.answer(made, frame)
    random.seed(1)
    second = text_door.answer(made, frame)
    made.forget_seed()
    random.seed(1)
    third = text_door.answer(made, frame)
    assert first != second
    assert third != second


def test_a_recursion_is_one_frame_that_says_how_often():
    def again(n):
        return again(n - 1) if n else 1 / 0

    head, _ = ask(lambda r: again(99))
    assert (head["failure"]["frames"][-1]["function"], head["failure"]["frames"][-1]["times"]) == ("again", 100)
