"""The runtimes of JavaScript: whichever is not on this machine skips its tests, and says why."""

import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edgefn.project.cache import cache_root

PACKAGES = Path(__file__).parents[1] / "wrangler" / "package.json"
CONFIG = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (compatibilityDate = "2026-10-01", modules = [%s]);
"""
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH")
KINDS = {".js": "esModule", ".wasm": "wasm"}
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--virtual-time-budget=20000",  # the page is looked at when nothing is under way any more
)


@pytest.fixture(scope="session")
def node():
    """Runs the source of an ES module in Node, inside a folder, and returns what it prints."""
    command = _command("node")

    def run(source, folder, *arguments, stdin=""):
        asked = [command, "--input-type=module", "--eval", source, *map(str, arguments)]
        done = subprocess.run(asked, cwd=folder, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def packages():
    """The commands of the npm packages that wrangler/package.json pins, installed once a machine."""
    npm = _command("npm")
    folder = cache_root() / "npm" / sha256(PACKAGES.read_bytes()).hexdigest()[:16]
    if not folder.is_dir():
        beside = folder.with_name(f"{folder.name}.{os.getpid()}")
        beside.mkdir(parents=True)
        shutil.copy(PACKAGES, beside)
        asked = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
        done = subprocess.run(asked, cwd=beside, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            shutil.rmtree(beside)
            assert any(word in done.stderr for word in NO_NETWORK), done.stderr
            pytest.skip(f"npm cannot be reached: {done.stderr[-300:]}")
        beside.rename(folder)
    return folder / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def workerd(packages):
    """Serves the modules of a folder, of which worker.js is the entry, with workerd: yields the address."""

    @contextmanager
    def serve(folder):
        files = sorted((path for path in folder.iterdir() if path.suffix in KINDS), key=lambda p: p.name != "worker.js")
        modules = ", ".join(f'(name = "{f.name}", {KINDS[f.suffix]} = embed "{f.name}")' for f in files)
        (folder / "config.capnp").write_text(CONFIG % modules)
        asked = [packages / "workerd", "serve", "config.capnp", "--control-fd=1"]
        with subprocess.Popen(asked, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            finally:
                process.terminate()

    return serve


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Opens a page of a folder in Chromium, and returns the document as it is after its scripts."""
    command = _command("chromium", "chromium-browser", "google-chrome")

    def look(folder, page):
        with _files(folder) as address:
            profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
            asked = [command, *CHROMIUM, profile, "--dump-dom", f"{address}/{page}"]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return look


@contextmanager
def _files(folder):
    """A folder on a port of its own, as any server of files would give it out."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _command(*names):
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"there is no {names[0]} on this machine")
