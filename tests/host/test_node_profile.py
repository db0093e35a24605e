"""What the profile `node` says of the host, held to the host's own numbers."""

from edgefn.emulator import server
from edgefn.guest import response
from edgefn.host import MAX_BODY_BYTES, capture, component
from edgefn.limits import load_profile

HELD = {
    "concurrency": server.WORKERS,
    "header_bytes": server.MAX_HEAD_BYTES,
    "log_bytes": capture.MAX_BYTES,
    "package_bytes": component.MAX_COMPONENT_BYTES,
    "request_body_bytes": MAX_BODY_BYTES,
    "response_body_bytes": MAX_BODY_BYTES,
    "response_header_bytes": response.MAX_FIELDS,
    "stack_bytes": component.MAX_STACK_BYTES,
    "url_bytes": server.MAX_HEAD_BYTES,
}


def test_the_profile_of_our_own_host_has_the_host_s_numbers():
    node = load_profile("node")
    assert {name: node.value(name) for name in HELD} == HELD


def test_what_else_it_names_comes_from_the_profile_itself():
    node = load_profile("node")
    assert {limit.name for limit in node.limits} - set(HELD) == {"wall_ms", "memory_bytes"}
    assert node.value("memory_bytes") == 1 << 32


def test_platforms_without_a_wall_time_get_the_host_s_default():
    assert load_profile("cloudflare-paid").value("wall_ms") == load_profile("node").value("wall_ms")
