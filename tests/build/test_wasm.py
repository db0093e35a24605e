from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefn.build.wasm import COMPONENT, CORE, core_modules
from edgefn.errors import HostError


def section(kind, body):
    return bytes([kind]) + leb(len(body)) + body


def leb(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_core_modules_are_found_with_name_and_data():
    names = leb(4) + b"name" + section(0, leb(3) + b"abc")
    module = CORE + section(0, names) + section(11, b"x" * 300)
    (found,) = core_modules(COMPONENT + section(7, b"types") + section(1, module))
    assert (found.name, found.nbytes, found.data_bytes) == ("abc", len(module), 300)


@pytest.mark.parametrize(
    "binary",
    [
        b"",
        b"\0asm",
        CORE,
        b"<html>",
        COMPONENT + b"\x01",
        COMPONENT + b"\x01\xff\xff\xff\xff\xff",
        COMPONENT + b"\x01\x7fabc",
    ],
)
def test_what_is_no_whole_component_is_refused(binary):
    with pytest.raises(HostError):
        core_modules(binary)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(noise):
    with suppress(HostError):
        core_modules(COMPONENT + noise)
