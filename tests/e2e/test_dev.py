"""`edgefn dev` over a real socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection

import httpx
import pytest

pytestmark = pytest.mark.e2e

HANDLER = """
import json
import time

from edgefn import Request, Response


def handle(request: Request) -> Response:
    if request.path == "/loop":
        while True:
            pass
    if request.path == "/inject":
        return Response("x", headers={"x-a": "b\\r\\nset-cookie: c=d"})
    if request.path == "/work":
        until = time.process_time() + 0.15
        while time.process_time() < until:
            pass
    if request.path == "/headers":
        return Response("x", headers=[("x-a", "b" * 43_000)] * 3)
    if request.path == "/print":
        print("x" * 300_000)
    if request.path == "/sleep":
        time.sleep(60)
    if request.path == "/empty":
        return Response(status=204, headers={"connection": "close", "date": "today"})
    said = {"method": request.method, "url": request.url, "length": len(request.body)}
    return Response.json(said, headers={"x-seen": request.headers.get("x-sent", "")})
"""


@contextmanager
def serving(folder, *options):
    """`edgefn dev` on a free port: the process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edgefn.cli.app", "dev", str(folder), "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(os.environ),
    )
    try:
        yield process, json.loads(process.stdout.readline())["address"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130, -signal.SIGINT)
        process.stdout.close()


@pytest.fixture(scope="module")
def folder(make_function):
    return make_function(HANDLER)


@pytest.fixture(scope="module")
def address(folder):
    with serving(folder) as (_, address):
        yield address


def test_requests_are_answered(address):
    answer = httpx.post(f"{address}/a/b?c=d%20e", content=b"\0\xff" * 1000, headers={"x-sent": "yes"})
    assert answer.status_code == 200
    assert answer.headers["x-seen"] == "yes"
    assert answer.json() == {"method": "POST", "url": "/a/b?c=d%20e", "length": 2000}


def test_a_loop_gets_the_platforms_503_and_the_server_lives_on(address):
    assert httpx.get(f"{address}/loop", timeout=30).status_code == 503
    assert httpx.get(address).status_code == 200


def test_the_client_learns_which_limit_it_was(address):
    answer = httpx.get(f"{address}/loop", timeout=30)
    assert answer.text == "Service Unavailable\n"
    assert answer.headers["x-edgefn-breach"].startswith("cpu_ms limit of 50 (")


def test_workers_answer_with_their_own_error(folder):
    with serving(folder, "--profile", "cloudflare-free") as (_, address):
        answer = httpx.get(f"{address}/work", timeout=30)
    assert (answer.status_code, answer.text) == (503, "Error 1102: Worker exceeded resource limits\n")
    assert "x-edgefn-breach" in answer.headers


def test_header_fields_larger_than_the_platform_sends_are_a_breach(address):
    answer = httpx.get(f"{address}/headers")
    assert (answer.status_code, "x-a" in answer.headers) == (503, False)
    assert answer.headers["x-edgefn-breach"].startswith("response_header_bytes limit of 128,000 (129,")


def status_of(address, path):
    """By a client that takes more header fields than httpx, whose buffer ends at 100 KB."""
    client = HTTPConnection(address.removeprefix("http://"), timeout=30)
    client.request("GET", path)
    status = client.getresponse().status
    client.close()
    return status


def log_of(folder, *paths, options):
    """What the server logs of a request to each path."""
    with serving(folder, *options) as (process, address):
        for path in paths:
            assert status_of(address, path) == 200
        return [json.loads(process.stdout.readline()) for _ in paths]


def test_limits_can_be_watched_only(folder):
    paths = ("/", "/work", "/headers", "/print", f"/{'x' * 20_000}")
    logged = log_of(folder, *paths, options=("--limits", "warn", "--profile", "cloudflare-free"))
    said = [[warning.split()[0] for warning in line["warnings"]] for line in logged]
    assert said == [[], ["cpu_ms"], ["response_header_bytes"], ["log_bytes"], ["url_bytes"]]
    assert {line["breach"] for line in logged} == {None}


def test_limits_can_be_left_off(folder):
    (line,) = log_of(folder, "/work", options=("--limits", "off", "--profile", "cloudflare-free"))
    assert (line["breach"], line["warnings"]) == (None, [])


def test_a_response_that_cannot_be_sent_is_a_500_that_says_why(address):
    answer = httpx.get(f"{address}/inject")
    assert (answer.status_code, "set-cookie" in answer.headers) == (500, False)
    assert "header x-a" in answer.text


def test_an_empty_response_has_no_content_and_no_header_of_the_connection(address):
    answer = httpx.get(f"{address}/empty")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"content-length", "content-type", "connection"} & set(answer.headers)
    assert answer.headers["date"] != "today"


def test_a_client_that_leaves_in_the_middle_of_its_request_is_forgotten(address):
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"POST /loop HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
    assert httpx.get(address).status_code == 200


def test_it_can_be_stopped_while_a_handler_waits(folder):
    with serving(folder) as (process, address):
        client = threading.Thread(target=_try, args=(f"{address}/sleep",))
        client.start()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        client.join(10)


def test_a_handler_that_waits_does_not_hold_up_the_others(address):
    sleepers = [threading.Thread(target=_try, args=(f"{address}/sleep",), daemon=True) for _ in range(3)]
    for sleeper in sleepers:
        sleeper.start()
    assert httpx.get(address, timeout=5).status_code == 200
    for sleeper in sleepers:
        sleeper.join(10)


def _try(url):
    with suppress(httpx.HTTPError):
        httpx.get(url, timeout=1)


def test_a_body_larger_than_a_frame_is_refused(address):
    assert httpx.post(address, content=bytes(48 << 20), timeout=30).status_code == 413


def test_a_url_longer_than_the_platform_takes_is_refused(address):
    assert httpx.get(f"{address}/{'x' * 20_000}").status_code == 414


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\0",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ],
)
def test_malformed_http_is_refused_and_the_server_lives_on(address, noise):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(noise)
        link.shutdown(socket.SHUT_WR)
        answer = link.recv(4096)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert httpx.get(address).status_code == 200


def test_a_function_that_cannot_start_under_the_limits_is_refused_before_listening(edgefn, make_function):
    folder = make_function(HANDLER, toml="[limits]\nmemory_mb = 2\n")
    done = edgefn("dev", folder, "--port", "0", timeout=120)
    assert (done.returncode, "EFN-H005" in done.stderr, "Traceback" in done.stderr) == (5, True, False)
