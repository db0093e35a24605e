"""`edgefn dev` over a real socket."""

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

pytestmark = pytest.mark.e2e

HANDLER = """
import json

from edgefn import Request, Response


def handle(request: Request) -> Response:
    if request.path == "/loop":
        while True:
            pass
    if request.path == "/inject":
        return Response("x", headers={"x-a": "b\\r\\nset-cookie: c=d"})
    said = {"method": request.method, "url": request.url, "length": len(request.body)}
    return Response.json(said, headers={"x-seen": request.headers.get("x-sent", "")})
"""


@pytest.fixture(scope="module")
def address(make_function):
    folder = make_function(HANDLER)
    process = subprocess.Popen(
        [sys.executable, "-m", "edgefn.cli.app", "dev", str(folder), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(os.environ),
    )
    try:
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130, -signal.SIGINT)
        process.stdout.close()


def test_requests_are_answered(address):
    answer = httpx.post(f"{address}/a/b?c=d%20e", content=b"\0\xff" * 1000, headers={"x-sent": "yes"})
    assert answer.status_code == 200
    assert answer.headers["x-seen"] == "yes"
    assert answer.json() == {"method": "POST", "url": "/a/b?c=d%20e", "length": 2000}


def test_a_loop_gets_the_platforms_503_and_the_server_lives_on(address):
    assert httpx.get(f"{address}/loop", timeout=30).status_code == 503
    assert httpx.get(address).status_code == 200


def test_a_response_that_cannot_be_sent_is_a_500_that_says_why(address):
    answer = httpx.get(f"{address}/inject")
    assert (answer.status_code, "set-cookie" in answer.headers) == (500, False)
    assert "header x-a" in answer.text


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
