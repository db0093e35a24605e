import subprocess
import sys

import pytest

HEAVY = {"componentize_py", "httpx", "hypothesis", "jinja2", "numpy", "onnx", "uvicorn", "wasmtime"}
LOADED = """
import sys
sys.argv = ["edgefn", *{arguments}]
try:
    from edgefn.cli.app import main
    main()
except SystemExit:
    pass
print(sorted({heavy} & set(sys.modules)))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"], ["model", "--help"], ["test", "--help"]])
def test_help_loads_no_heavy_library(arguments):
    code = LOADED.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert "Usage" in done.stdout


@pytest.mark.parametrize("arguments", [["--nonsense"], ["nonsense"], ["build", "--profile"], ["bench", "--cold", "0"]])
def test_a_mistyped_command_is_a_usage_error(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "edgefn.cli.app", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
