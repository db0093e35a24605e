import pytest

from edgefn.errors import HostError
from edgefn.host import Sandbox, load_component
from edgefn.limits import load_profile

WAT = '(component (core module $m (func (export "f"))) )'


def start(path):
    loaded = load_component(path)
    return Sandbox(loaded, loaded.linker(), load_profile("fastly"))


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
        load_component(tmp_path / "gone.wasm")


def test_a_component_without_the_door_is_refused(tmp_path):
    from wasmtime import wat2wasm

    path = tmp_path / "other.wasm"
    path.write_bytes(bytes(wat2wasm(WAT)))
    loaded = load_component(path)
    with pytest.raises(HostError, match="no export 'text"):
        Sandbox(loaded, loaded.linker(), load_profile("fastly"))


def test_a_component_is_compiled_once_and_a_damaged_cache_is_mended(tmp_path, monkeypatch):
    from wasmtime import wat2wasm

    monkeypatch.setenv("EDGEFN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "other.wasm"
    path.write_bytes(bytes(wat2wasm(WAT)))
    assert load_component(path).compiled
    assert not load_component(path).compiled
    (compiled,) = (tmp_path / "cache" / "compiled").iterdir()
    compiled.unlink()
    compiled.write_bytes(b"damaged")
    assert load_component(path).compiled
