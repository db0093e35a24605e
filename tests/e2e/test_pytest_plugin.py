"""The pytest plugin, in a pytest of its own as a user runs it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

HANDLER = """
from edgefn import Request, Response

seen = []


def handle(request: Request) -> Response:
    seen.append(1)
    if request.path == "/loop":
        while True:
            pass
    return Response.json({"seen": len(seen), "length": len(request.body), "kind": request.headers.get("x-kind", "")})
"""

TESTS = """
import pytest


@pytest.fixture
def trial(edgefn_function):
    return edgefn_function("trial", "cloudflare-free")


def test_a_reply_is_read_like_one_over_http(trial):
    reply = trial.post("/", b"abc", {"X-Kind": "k"})
    assert (reply.status, reply.json()) == (200, {"seen": 1, "length": 3, "kind": "k"})
    assert ("content-type", "application/json") in reply.headers
    reply.assert_within(cpu_ms=5, wall_ms=1000, memory_mb=60)


def test_every_request_meets_a_fresh_instance_but_with_reuse(edgefn_function, trial):
    assert [trial.get().json()["seen"] for _ in range(2)] == [1, 1]
    kept = edgefn_function("trial", reuse=True)
    assert [kept.get().json()["seen"] for _ in range(2)] == [1, 2]
    assert edgefn_function("trial", reuse=True) is kept


def test_a_budget_that_is_not_kept_is_named(trial):
    with pytest.raises(AssertionError, match=r"memory_mb is [0-9.]+, at most 0.1 was wanted"):
        trial.get().assert_within(memory_mb=0.1)


def test_a_handler_that_is_stopped_is_within_no_budget(trial):
    reply = trial.get("/loop")
    assert reply.status == 503
    with pytest.raises(AssertionError, match="cpu_ms limit of 10 "):
        reply.assert_within()


def test_an_unknown_profile_is_named(edgefn_function):
    with pytest.raises(Exception, match="no limits profile 'fastley'"):
        edgefn_function("trial", "fastley")
"""


def test_a_users_tests_find_their_function_under_a_profile(make_function):
    root = make_function(HANDLER).parent
    (root / "test_trial.py").write_text(TESTS)
    (root / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(root)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert "5 passed" in done.stdout, done.stdout + done.stderr
