"""Which of a function's files go into its component."""

import pytest

from edgefn.build.stage import function_files
from edgefn.errors import BuildError
from edgefn.project import load_function


@pytest.fixture
def folder(make_function):
    return make_function("def handle(r): ...\n", samples={"one": {}})


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def names(folder):
    return [name for name, _ in function_files(load_function(folder))]


def test_sources_and_data_are_taken_and_what_is_about_the_function_stays(folder):
    write(folder, "words.txt", "part/__init__.py", "part/tests/data.json", "part/__pycache__/x.py")
    write(
        folder, "tests/test_handler.py", "dist/out.json", ".venv/lib/a.py", "venv/pyvenv.cfg", "venv/lib/a.py", "a.md"
    )
    assert names(folder) == ["handler.py", "part/__init__.py", "part/tests/data.json", "words.txt"]


def test_a_vendored_package_comes_with_data_of_any_kind_and_without_machine_code(folder):
    write(folder, "vendor/p/__init__.py", "vendor/p/zone.tab", "vendor/p/dist/x", "vendor/p/fast.cpython-314-x86.so")
    assert names(folder) == ["handler.py", "vendor/p/__init__.py", "vendor/p/dist/x", "vendor/p/zone.tab"]


def test_a_link_to_a_file_is_followed(folder, tmp_path):
    write(tmp_path, "shared.py")
    (folder / "shared.py").symlink_to(tmp_path / "shared.py")
    assert names(folder) == ["handler.py", "shared.py"]


@pytest.mark.parametrize("target", [".", "nowhere"])
def test_a_link_to_anything_else_is_named(folder, target):
    (folder / "more").symlink_to(target)
    with pytest.raises(BuildError, match="more is a link") as caught:
        names(folder)
    assert caught.value.code == "EFN-B013"
