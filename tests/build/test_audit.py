import pytest

from edgefn.build.audit import Late, audit
from edgefn.errors import BuildError


def sources(tmp_path, **files):
    pairs = []
    for name, text in files.items():
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        pairs.append((f"{name.replace('__', '/').replace('/init', '/__init__')}.py", path))
    return pairs


def test_modules_that_cannot_exist_are_listed_with_file_and_line(tmp_path):
    found = audit(sources(tmp_path, handler="import json\nimport ssl\n\ndef handle(r):\n    import requests\n"))
    with pytest.raises(BuildError) as caught:
        found.check()
    assert "handler.py:2: import ssl (not part of Python in WebAssembly)" in caught.value.message
    assert "handler.py:5: import requests (no such module in the function's folder)" in caught.value.message
    assert caught.value.code == "EFN-B010"
    assert "pip install --target vendor" in caught.value.hint


def test_compiled_packages_are_not_to_be_vendored(tmp_path):
    with pytest.raises(BuildError, match="import numpy") as caught:
        audit(sources(tmp_path, handler="import numpy as np\n")).check()
    assert "pip" not in caught.value.hint
    assert "Tensor" in caught.value.hint


def test_a_vendored_file_that_is_not_python_is_left_alone(tmp_path):
    audit(sources(tmp_path, handler="import six", vendor__six="", vendor__template="def {{ name }}(:")).check()


def test_late_imports_are_loaded_ahead_of_time(tmp_path):
    found = audit(sources(tmp_path, handler="def handle(r):\n    import decimal\n    from json import loads\n"))
    assert found.preload == ("decimal", "json.loads")
    assert found.late == {"handler": Late(("decimal", "json.loads"))}


def test_late_imports_of_own_modules_are_named_in_full(tmp_path):
    late = "def f():\n    from . import part\n    from .part import x\n    importlib.import_module('csv')\n"
    found = audit(sources(tmp_path, handler="import pkg.part", pkg__other=late, pkg__part=""))
    assert found.preload == ("csv", "pkg.part", "pkg.part.x")


def test_late_imports_whose_failure_is_caught_and_those_of_vendored_packages_may_fail(tmp_path):
    caught = "def f():\n    try:\n        import json\n    except ImportError:\n        import csv\n"
    found = audit(sources(tmp_path, handler=caught, vendor__six="def f():\n    import decimal, nothing_here\n"))
    assert found.late == {"handler": Late(("csv",), ("json",)), "six": Late((), ("decimal",))}
    assert found.missing == ()


def test_a_vendored_file_that_is_not_python_is_nobodys_fault(tmp_path):
    assert audit(sources(tmp_path, handler="", vendor__template="def {{ name }}")).late == {}


def test_own_modules_packages_and_vendored_ones_are_found(tmp_path):
    found = audit(
        sources(
            tmp_path,
            handler="import helper\nimport pkg.part\nimport edgefn\nimport six\nfrom . import helper",
            helper="",
            pkg__part="",
            vendor__six="import nothing_here",
        )
    )
    assert found.missing == ()


def test_an_import_whose_failure_is_caught_is_optional(tmp_path):
    found = audit(sources(tmp_path, handler="try:\n    import numpy\nexcept ImportError:\n    numpy = None\n"))
    assert found.missing == ()
    assert [i.module for i in found.optional] == ["numpy"]


def test_the_fallback_of_a_caught_import_must_be_there(tmp_path):
    text = "try:\n    import numpy\nexcept ImportError:\n    import pandas\n"
    assert [i.module for i in audit(sources(tmp_path, handler=text)).missing] == ["pandas"]


@pytest.mark.parametrize(("module", "there"), [("cgi", False), ("annotationlib", True), ("ssl", False), ("zlib", True)])
def test_the_standard_library_is_the_components_not_this_pythons(tmp_path, module, there):
    assert (audit(sources(tmp_path, handler=f"import {module}")).missing == ()) is there


def test_imports_for_type_checkers_only_are_ignored(tmp_path):
    found = audit(sources(tmp_path, handler="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\n"))
    assert found.missing == ()


@pytest.mark.parametrize("text", ["def handle(:\n", "x = 1\n\0"])
def test_a_handler_that_is_not_python_says_where(tmp_path, text):
    with pytest.raises(BuildError, match=r"handler.py:\d+"):
        audit(sources(tmp_path, handler=text))
