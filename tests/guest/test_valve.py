import os
import sys

import pytest

from edgefn.guest.valve import KEPT, Valve, shut_while


def test_a_shut_valve_keeps_the_end_of_what_is_printed_and_passes_nothing_on():
    read, write = os.pipe()
    valve = Valve(write)
    print("x" * 100_000 + "end", file=valve.stream())
    os.close(write)
    assert os.read(read, 10) == b""
    assert len(valve.kept) == KEPT
    assert valve.kept.endswith(b"end\n")
    os.close(read)


def test_an_open_valve_passes_text_and_bytes_on_at_once():
    read, write = os.pipe()
    valve = Valve(write)
    valve.shut = False
    stream = valve.stream()
    stream.write("grüß \ud800 ")
    stream.buffer.write(b"bytes")
    assert os.read(read, 100) == "grüß \\ud800 bytes".encode()
    os.close(read)
    os.close(write)


def test_the_real_streams_come_back_even_after_a_failure():
    real = (sys.stdout, sys.stderr)

    def fail():
        with shut_while() as valves:
            print("seen")
            assert valves[0].kept == b"seen\n"
            sys.exit()

    with pytest.raises(SystemExit):
        fail()
    assert (sys.stdout, sys.stderr) == real
