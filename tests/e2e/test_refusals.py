"""What a beginner gets wrong: one clear message, the right exit status, no traceback of ours, nothing half-written."""

import pytest

pytestmark = pytest.mark.e2e

HELLO = "from edgefn import Request, Response\n\ndef handle(request: Request) -> Response:\n    return Response('hi')\n"
GET = {"request": {"method": "GET", "url": "/"}, "expect": {"status": 200}}


def refused(done, status, *said):
    assert done.returncode == status, done.stderr
    for text in said:
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return True


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("import no_such_module\ndef handle(r): ...\n", ["EFN-B010", "handler.py:1", "no_such_module"]),
        ("def handle(r):\n    import ssl\n", ["EFN-B010", "handler.py:2", "not part of Python in WebAssembly"]),
        ("def handle(r)\n    pass\n", ["EFN-B011", "handler.py:1"]),
    ],
)
def test_a_handler_that_cannot_work_is_refused_before_the_build(edgefn, make_function, handler, said):
    folder = make_function(handler)
    assert refused(edgefn("build", folder), 4, *said)
    assert not (folder / ".edgefn").exists()


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("x = 1\n", ["EFN-B020", "no function handle(request)"]),
        ("x = 1 / 0\n", ["EFN-B020", "ZeroDivisionError", "handler.py:1"]),
        (
            "import edgefn\nmodel = edgefn.load_model('absent')\ndef handle(r): ...\n",
            ["EFN-B020", "no model 'absent' in edgefn.toml"],
        ),
        ("def f():\n    f()\nf()\n", ["EFN-B020", "RecursionError", "handler.py:2 in f (", " times)"]),
        ("import sys\nprint('so far')\nsys.exit(3)\n", ["EFN-B020", "SystemExit: 3", "it printed:\nso far"]),
        ("import os\nos._exit(3)\n", ["EFN-B023", "ended the interpreter"]),
        ("import os\nos.abort()\n", ["EFN-B023", "unreachable"]),
        ("kept = []\nwhile True:\n    kept.append(bytearray(1 << 24))\n", ["EFN-B020", "MemoryError"]),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_the_build_with_its_line(edgefn, make_function, handler, said):
    folder = make_function(handler)
    assert refused(edgefn("build", folder), 4, *said)
    assert not list(folder.glob(".edgefn/*.wasm"))


def test_a_file_system_that_refuses_is_one_clear_error(edgefn, tmp_path):
    (tmp_path / "file").write_text("")
    assert refused(edgefn("new", tmp_path / "file" / "hello"), 2, "EFN-U004", "Not a directory")
    assert refused(edgefn("new", "y" * 300 + "/hello", cwd=tmp_path), 2, "EFN-U004", "too long")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_handler_that_fails_on_a_sample_fails_the_build(edgefn, make_function):
    folder = make_function("def handle(r):\n    return r.json()['key']\n", samples={"empty": GET})
    assert refused(edgefn("build", folder), 4, "EFN-B021", "'empty'", "handler.py:2")


def test_a_failed_expectation_says_expected_and_got(edgefn, make_function):
    folder = make_function(
        HELLO, samples={"teapot": {"request": {"url": "/"}, "expect": {"status": 418, "text": "short"}}}
    )
    done = edgefn("test", folder, "--profile", "fastly")
    assert done.returncode == 1
    assert "418" in done.stdout
    assert "FAIL" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_unknown_key_names_the_nearest(edgefn, make_function):
    folder = make_function(HELLO, toml='handlr = "x.py"\n')
    assert refused(edgefn("build", folder), 2, "handlr", "handler")


def test_an_unknown_profile_names_the_nearest(edgefn, make_function):
    folder = make_function(HELLO, samples={"get": GET})
    assert refused(edgefn("test", folder, "--profile", "fastley"), 2, "fastley", "fastly")


def test_a_folder_without_a_function_says_what_to_do(edgefn, tmp_path):
    assert refused(edgefn("build", tmp_path), 2, "edgefn.toml", "edgefn new")


@pytest.mark.parametrize(
    "content", [b"", b"<html>not a model</html>", b"TFL3 not onnx", b"\x08\x07\x12\xff\xff\xff\xff\x0f"]
)
def test_a_foreign_model_is_refused(edgefn, make_function, content):
    folder = make_function(HELLO, toml='[models.m]\nsource = "m.onnx"\n')
    (folder / "m.onnx").write_bytes(content)
    assert refused(edgefn("build", folder), 3, "m.onnx")
    assert refused(edgefn("model", "inspect", folder / "m.onnx"), 3, "m.onnx")
    assert refused(edgefn("model", "compile", folder / "m.onnx"), 3, "m.onnx")
    assert sorted(p.name for p in folder.iterdir()) == ["edgefn.toml", "handler.py", "m.onnx", "samples"]


def test_a_missing_model_is_named(edgefn, make_function):
    folder = make_function(HELLO, toml='[models.m]\nsource = "gone.onnx"\n')
    assert edgefn("build", folder).returncode in (2, 3)
    assert "gone.onnx" in edgefn("build", folder).stderr


def test_new_refuses_a_folder_that_is_not_empty_and_a_bad_name(edgefn, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert refused(edgefn("new", tmp_path / "full"), 2, "not empty")
    assert refused(edgefn("new", tmp_path / "Bad Name"), 2, "Bad Name")
    assert refused(edgefn("new", tmp_path / "good", "--template", "nope"), 2, "nope", "hello")
    assert not (tmp_path / "good").exists()


def test_json_stays_parseable_when_a_command_fails(edgefn, tmp_path):
    status, said = edgefn.json("build", tmp_path)
    assert status == 2
    assert set(said["error"]) == {"code", "message", "hint", "exit_status"}
