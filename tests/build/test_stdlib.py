"""The list of modules that the import audit goes by is the pinned componentize-py's."""

import json
from importlib.resources import files

import pytest

from edgefn.build import build
from edgefn.host import HostRequest, Worker, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function

HANDLER = """
import importlib
import sys

from edgefn import Response

SKIPPED = {"antigravity", "idlelib", "this", "turtledemo"}  # they print, or open windows


def there(name):
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


FOUND = sorted(name for name in sys.stdlib_module_names if name not in SKIPPED and there(name))


def handle(request):
    return Response.json(FOUND)
"""


@pytest.mark.e2e
def test_every_module_of_the_list_can_be_imported_and_no_other(make_function):
    profile = load_profile("cloudflare-paid")
    with Worker(load_component(build(load_function(make_function(HANDLER))).component, profile), profile) as worker:
        found = json.loads(worker.call(HostRequest()).body)
    written = (files("edgefn.build") / "stdlib.txt").read_text().splitlines()
    assert found == [line for line in written if not line.startswith("#")]
