"""One function that misbehaves in every way, depending on the path; the host answers each and lives on."""

import base64
import json
import random
from functools import partial

import pytest
from wasmtime import Store, WasiConfig

from edgefn.build import build
from edgefn.host import HostRequest, Worker, load_component
from edgefn.limits import load_profile, tighten
from edgefn.project import Budgets, load_function

pytestmark = pytest.mark.e2e

HANDLER = """
import logging
import os
import sys
import time

from edgefn import Request, Response

kept = []
log = logging.getLogger("own")
log.addHandler(logging.StreamHandler(sys.stdout))
print("x" * 1_000_000)  # while it is built: more than componentize-py takes


def handle(request: Request) -> Response:
    match request.path:
        case "/loop":
            while True:
                pass
        case "/sleep":
            time.sleep(30)
        case "/grow":
            while True:
                kept.append(bytearray(1 << 20))
        case "/huge":
            kept.append(bytearray(1 << 30))
        case "/recurse":
            return handle(request)
        case "/deep":
            nest = []
            for _ in range(200_000):
                nest = [nest]
            return Response(repr(nest))
        case "/print":
            for _ in range(4096):
                print("x" * 1023)
            print("to stderr", file=sys.stderr)
        case "/print-once":
            print("x" * 200_000)
        case "/log":
            log.warning("to the stream of build time")
            sys.stdout.buffer.write(b"as bytes")
        case "/exit":
            sys.exit(3)
        case "/_exit":
            os._exit(4)
        case "/abort":
            os.abort()
        case "/text":
            return "not a response"
        case "/async":
            async def later():
                return Response("later")

            return later()
        case "/raise":
            return Response(str(1 / len(request.body)))
        case "/network":
            import socket
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        case "/files":
            return Response(",".join(os.listdir("/")))
        case "/environ":
            return Response(repr(dict(os.environ)))
        case "/count":
            kept.append(1)
            return Response(str(len(kept)))
        case "/random":
            import random
            return Response(str(random.random()))
        case "/late":
            from concurrent import futures
            from xml.dom import minidom
            return Response(futures.__name__ + minidom.__name__)
        case "/encodings":
            names = ("utf-16", "cp1252", "idna", "latin-1", "utf-8-sig")
            return Response(b"".join("b\\xfccher".encode(name) for name in names))
        case "/too-late":
            __import__("".join(["deci", "mal"]))
        case "/echo":
            kind = request.headers.get("Content-Type", "none")
            return Response(request.body, 201, [("x-id", request.id), ("x-kind", kind)])
    return Response("fine")
"""


@pytest.fixture(scope="module")
def loaded(make_function):
    return load_component(build(load_function(make_function(HANDLER))).component, load_profile("fastly"))


@pytest.fixture(scope="module")
def fastly():
    return load_profile("fastly")


@pytest.fixture
def call(loaded):
    # 30 s of CPU: what is tried here is not the CPU limit
    with Worker(loaded, load_profile("cloudflare-paid")) as worker:

        def send(path, body=b"", **more):
            return worker.call(HostRequest("POST", path, body=body, **more))

        yield send
        assert send("/").body == b"fine"  # whatever happened, the next request is answered


def test_an_endless_loop_is_stopped_at_the_cpu_limit(loaded, fastly):
    with Worker(loaded, fastly) as worker:
        outcome = worker.call(HostRequest(url="/loop"))
    assert (outcome.status, outcome.breach.name) == (503, "cpu_ms")
    assert 50 <= outcome.breach.measured < 80


def test_allocating_without_end_is_a_memory_breach(call):
    outcome = call("/grow")
    assert (outcome.status, outcome.breach.name) == (503, "memory_bytes")
    assert "handler.py" in outcome.breach.cause


def test_one_allocation_beyond_the_cap_is_a_memory_breach(call):
    assert call("/huge").breach.name == "memory_bytes"


def test_endless_recursion_is_a_failure_with_frames(call):
    outcome = call("/recurse")
    assert (outcome.status, outcome.failure.type) == (500, "RecursionError")
    assert outcome.failure.frames[-1].file == "handler.py"


def test_deep_recursion_in_c_does_not_end_the_host(call):
    outcome = call("/deep")
    assert outcome.status in (500, 503)


def test_megabytes_of_output_are_cut(call):
    outcome = call("/print")
    assert outcome.status == 200
    assert "more bytes were dropped" in outcome.stdout
    assert len(outcome.stdout) < 300_000


def test_a_long_line_arrives_whole(call):
    outcome = call("/print-once")
    assert (outcome.stdout, outcome.logged_bytes) == ("x" * 200_000 + "\n", 200_001)


def test_what_is_logged_to_a_stream_of_build_time_is_seen(call):
    assert call("/log").stdout == "to the stream of build time\nas bytes"


def test_sys_exit_is_a_failure(call):
    assert call("/exit").failure.kind == "exit"


@pytest.mark.parametrize("path", ["/_exit", "/abort"])
def test_ending_the_process_ends_the_instance_only(call, path):
    assert call(path).failure.kind == "trap"


def test_a_wrong_return_type_is_named(call):
    assert call("/text").failure.message == "handle() returned str, a Response is wanted"
    assert call("/async").failure.message.endswith("write it with def, not async def")


def test_an_exception_names_the_line(call):
    failure = call("/raise").failure
    line = next(n for n, text in enumerate(HANDLER.splitlines(), 1) if "1 / len" in text)
    assert (failure.type, failure.frames[-1].line, failure.frames[-1].function) == ("ZeroDivisionError", line, "handle")


def test_a_limit_shorter_than_the_clock_that_interrupts_is_looked_at_after_the_call(loaded, fastly):
    with Worker(loaded, tighten(fastly, Budgets(cpu_ms=0.01))) as worker:
        breach = worker.call(HostRequest("GET", "/")).breach
    assert (breach.name, breach.limit) == ("cpu_ms", 0.01)
    assert breach.measured >= 0.01


def test_there_is_no_network(call):
    assert call("/network").failure.type in {"gaierror", "NoNetwork"}


def test_there_are_no_files_and_no_environment(call):
    assert call("/files").failure is not None or call("/files").body == b""
    assert call("/environ").body == b"{}"


def test_common_encodings_were_loaded_ahead_of_time(call):
    names = ("utf-16", "cp1252", "idna", "latin-1", "utf-8-sig")
    assert call("/encodings").body == b"".join("b\xfccher".encode(name) for name in names)


def test_an_import_inside_a_function_was_loaded_ahead_of_time(call):
    assert call("/late").body == b"concurrent.futuresxml.dom.minidom"


def test_an_import_that_nobody_could_foresee_says_what_to_do(call):
    assert "import it at the top of the handler" in call("/too-late").failure.message


def test_a_fresh_instance_forgets(call):
    assert [call("/count").body for _ in range(3)] == [b"1", b"1", b"1"]


def test_a_reused_instance_remembers_until_it_fails(loaded, fastly):
    with Worker(loaded, fastly, reuse=True) as worker:
        said = [worker.call(HostRequest(url=path)).body for path in ("/count", "/count", "/abort", "/count")]
    assert said == [b"1", b"2", b"", b"1"]


def test_random_numbers_differ_between_instances(call):
    assert len({call("/random").body for _ in range(4)}) == 4


@pytest.mark.parametrize("body", [b"", b"plain", "grüß".encode(), b"\0", bytes(range(256)), b"\xff" * 150_000])
def test_bodies_and_headers_go_both_ways(call, body):
    outcome = call("/echo", body, headers=[("content-type", "x/y")], id="abc")
    assert (outcome.status, outcome.body) == (201, body)
    assert outcome.headers == (("x-id", "abc"), ("x-kind", "x/y"))


def open_door(loaded, name):
    """A door of a fresh instance, without the host that usually stands before it."""
    store = Store(loaded.runtime.engine)
    store.set_wasi(WasiConfig())
    store.set_epoch_deadline(1 << 40)
    return partial(loaded.linker().instantiate(store, loaded.component).get_func(store, name), store)


@pytest.fixture
def text_door(loaded):
    door = open_door(loaded, "text")
    head = {"id": "7", "method": "POST", "url": "/echo", "headers": [], "client": {}, "enc": "base64"}

    def ask(body):
        answered, _, text = door(f"{json.dumps(head)}\n{body}").partition("\n")
        return json.loads(answered), text

    return ask


def test_bytes_of_every_length_survive_the_guests_base64(text_door):
    rng = random.Random(7)
    for length in [*range(100), 1000, 4095, 4096, 1 << 20]:
        body = b"\xff" + rng.randbytes(length)
        head, text = text_door(base64.b64encode(body).decode())
        assert (head["enc"], text) == ("base64", base64.b64encode(body).decode())
    every = bytes(value << 2 & 0xFF for value in range(256)) + bytes(range(256))
    assert text_door(base64.b64encode(every).decode())[1] == base64.b64encode(every).decode()


@pytest.mark.parametrize("place", [0, 7, 15, 16, 33, 62, 63])
@pytest.mark.parametrize("character", [" ", "\n", "-", "_", "=", "@", "[", "`", "{", ":", "\x7f", "\x01"])
def test_a_character_outside_base64_is_refused_wherever_it_stands(text_door, place, character):
    body = "A" * 64
    broken = body[:place] + character + body[place + 1 :]
    if (place, character) == (63, "="):
        assert text_door(broken)[0]["status"] == 201
    else:
        assert text_door(broken)[0]["failure"]["kind"] == "bad-frame"


@pytest.mark.parametrize("body", ["A", "AAAAA", "=", "====", "A===", "AA=A", "AAAAé", "é" * 16, "AAAA" * 16 + "A=AA"])
def test_what_no_encoder_writes_is_refused(text_door, body):
    assert text_door(body)[0]["failure"]["kind"] == "bad-frame"


def test_sleeping_beyond_wall_time_is_left_behind(loaded):
    from dataclasses import replace

    profile = load_profile("fastly")
    limits = tuple(replace(limit, value=300.0) if limit.name == "wall_ms" else limit for limit in profile.limits)
    with Worker(loaded, replace(profile, limits=limits)) as worker:
        outcome = worker.call(HostRequest(url="/sleep"))
        assert (outcome.status, outcome.breach.name) == (503, "wall_ms")
        assert worker.call(HostRequest(url="/")).body == b"fine"


def test_the_bytes_door_answers_the_same(loaded):
    """Where bytes are cheap: a host that speaks lists of bytes gets the same answers."""
    door = open_door(loaded, "bytes")
    head = {"id": "7", "method": "POST", "url": "/echo", "headers": [], "client": {}, "enc": "raw"}
    answered, _, body = bytes(door(json.dumps(head).encode() + b"\n\0\xff\n")).partition(b"\n")
    assert json.loads(answered)["status"] == 201
    assert body == b"\0\xff\n"
