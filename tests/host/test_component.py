import pytest
from wasmtime import wat2wasm

from edgefn.errors import HostError
from edgefn.host import HostRequest, Sandbox, load_component
from edgefn.limits import load_profile

NO_DOOR = '(component (core module $m (func (export "f"))) )'
WRONG_DOOR = """(component
  (core module $m (func (export "text") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func (export "text") (result u32) (canon lift (core func $i "text"))))"""
DOOR = """(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
    (func (export "text") (param i32 i32) (result i32) i32.const 8))
  (core instance $i (instantiate $m))
  (func (export "text") (param "frame" string) (result string)
    (canon lift (core func $i "text") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"""


ECHO = DOOR.replace('1)\n    (func (export "realloc")', '2)\n    (func (export "realloc")').replace(
    "i32.const 8))", "(i32.store (i32.const 8) (local.get 0)) (i32.store (i32.const 12) (local.get 1)) i32.const 8))"
)
FASTLY = load_profile("fastly")


def start(path):
    loaded = load_component(path, FASTLY)
    return Sandbox(loaded, loaded.linker(), FASTLY)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\x01\x7fxx"]
)
def test_what_edgefn_did_not_build_is_refused(tmp_path, content):
    path = tmp_path / "foreign.wasm"
    path.write_bytes(content)
    with pytest.raises(HostError) as caught:
        start(path)
    assert caught.value.exit_status == 5
    assert "edgefn build" in caught.value.hint


def test_a_missing_component_is_named(tmp_path):
    with pytest.raises(HostError, match=r"gone\.wasm"):
        load_component(tmp_path / "gone.wasm", FASTLY)


@pytest.mark.parametrize("wat", [NO_DOOR, WRONG_DOOR])
def test_a_component_without_the_door_is_refused(tmp_path, wat):
    path = tmp_path / "other.wasm"
    path.write_bytes(bytes(wat2wasm(wat)))
    with pytest.raises(HostError, match="no export 'text"):
        load_component(path, FASTLY)


def test_a_component_that_wants_what_is_not_there_is_refused(tmp_path):
    path = tmp_path / "needy.wasm"
    path.write_bytes(bytes(wat2wasm(DOOR.replace("(component", '(component (import "edgefn:nothing/here" (func))'))))
    with pytest.raises(HostError, match="edgefn:nothing/here"):
        start(path)


def test_a_component_that_answers_without_a_frame_is_not_asked_again(tmp_path):
    path = tmp_path / "silent.wasm"
    path.write_bytes(bytes(wat2wasm(DOOR)))
    with start(path) as sandbox:
        with pytest.raises(HostError, match="no frame"):
            sandbox.call(HostRequest())
        with pytest.raises(ValueError, match="closed"):
            sandbox.call(HostRequest())


def test_a_component_is_compiled_once_and_a_damaged_cache_is_mended(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "other.wasm"
    path.write_bytes(bytes(wat2wasm(DOOR)))
    assert load_component(path, FASTLY).compiled
    assert not load_component(path, FASTLY).compiled
    (compiled,) = (tmp_path / "cache" / "compiled").iterdir()
    compiled.unlink()
    compiled.write_bytes(b"damaged")
    assert load_component(path, FASTLY).compiled


def test_text_of_any_kind_goes_through_the_door_whole(tmp_path):
    """The guest answers with the string it was given: realloc puts it at 1024, and 8 is where the result is told."""
    path = tmp_path / "echo.wasm"
    path.write_bytes(bytes(wat2wasm(ECHO)))
    with start(path) as sandbox:
        for text in ("", "plain", "grüß 😀", "nul \0 inside", "x" * 50_000):
            assert sandbox._door(text) == text
