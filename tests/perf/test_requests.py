"""What a request costs beside its handler. CPU is thread time."""

import base64
import time

import pytest

from edgefn.build import build
from edgefn.host import HostRequest, Sandbox, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function, load_samples

pytestmark = pytest.mark.perf


@pytest.fixture(scope="module")
def paid():
    return load_profile("cloudflare-paid")


@pytest.mark.benchmark(timer=time.thread_time, group="cold start, digits inside: instantiate to first response")
def test_cold_start(benchmark, figure, digits, paid, digits_request):
    loaded = load_component(digits.component, paid)
    linker = loaded.linker()

    def cold():
        with Sandbox(loaded, linker, paid) as sandbox:
            return sandbox.call(digits_request)

    assert benchmark.pedantic(cold, rounds=100, warmup_rounds=3).status == 200
    if benchmark.stats:
        figure(
            "cold start: instantiate to first response, precompiled, digits inside",
            f"{benchmark.stats['median'] * 1e3:.2f} ms CPU",
            "under 5 ms",
        )


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: empty handler, 10 headers, 1 KB body")
def test_warm_request(benchmark, figure, empty, paid):
    loaded = load_component(empty.component, paid)
    request = HostRequest("POST", "/", [(f"x-header-{i}", "value") for i in range(10)], b"x" * 1000)
    with Sandbox(loaded, loaded.linker(), paid) as sandbox:
        ask = lambda: sandbox.call(request)  # noqa: E731
        assert benchmark.pedantic(ask, rounds=50, iterations=100, warmup_rounds=2).body == b"ok"
    if benchmark.stats:
        measured = f"{benchmark.stats['median'] * 1e3:.3f} ms CPU"
        figure("warm request: empty handler, 10 headers, 1 KB body", measured, "under 0.12 ms")


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: empty handler, 10 headers, 1 KB body")
def test_the_binding_alone(benchmark, figure, empty, paid):
    """The floor: the same component and frame, nothing but wasmtime's binding around it."""
    from wasmtime import Store, WasiConfig

    from edgefn.host.frames import encode

    loaded = load_component(empty.component, paid)
    frame = encode(HostRequest("POST", "/", [(f"x-header-{i}", "value") for i in range(10)], b"x" * 1000))
    store = Store(loaded.runtime.engine)
    store.set_wasi(WasiConfig())
    store.set_epoch_deadline(1 << 40)
    text = loaded.linker().instantiate(store, loaded.component).get_func(store, "text")
    assert benchmark.pedantic(lambda: text(store, frame), rounds=50, iterations=100, warmup_rounds=2).endswith("ok")
    if benchmark.stats:
        figure(
            "the same frame, ready made, through wasmtime's own binding",
            f"{benchmark.stats['median'] * 1e3:.3f} ms CPU",
        )


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: 150 KB of bytes")
def test_large_bodies(benchmark, figure, empty, paid):
    loaded = load_component(empty.component, paid)
    request = HostRequest("POST", "/", (), base64.b64decode("//79") * 50_000)
    with Sandbox(loaded, loaded.linker(), paid) as sandbox:
        assert benchmark.pedantic(lambda: sandbox.call(request), rounds=20, iterations=5).status == 200
    if benchmark.stats:
        figure("warm request: 150 KB of bytes in", f"{benchmark.stats['median'] * 1e3:.2f} ms CPU")


MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def large(make_function):
    """A function that takes bodies and gives them."""
    folder = make_function(
        "from edgefn import Response\n\nBYTES = bytes(range(256)) * 4096\nTEXT = 'x' * (1 << 20)\n\n\n"
        "def handle(request):\n"
        "    out = {'/bytes': BYTES, '/text': TEXT}.get(request.path)\n"
        "    return Response(str(len(request.body)) if out is None else out)\n"
    )
    return build(load_function(folder))


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: 1 MB")
@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("of bytes in", "/", MEGABYTE),
        ("of bytes out", "/bytes", b""),
        ("of text in", "/", b"x" * (1 << 20)),
        ("of text out", "/text", b""),
    ],
)
def test_a_megabyte(benchmark, figure, large, paid, name, path, body):
    loaded = load_component(large.component, paid)
    request = HostRequest("POST", path, (), body)
    with Sandbox(loaded, loaded.linker(), paid) as sandbox:
        assert benchmark.pedantic(lambda: sandbox.call(request), rounds=20, iterations=5, warmup_rounds=1).status == 200
    if benchmark.stats:
        measured = f"{benchmark.stats['median'] * 1e3:.2f} ms CPU"
        figure(f"warm request: 1 MB {name}", measured, "under 3 ms")


@pytest.fixture(scope="module")
def digits_request(digits):
    # Raw pixels: what is measured is not PNG decoding.
    (sample,) = load_samples(load_function(digits.component.parents[1]), ("nine",))
    return HostRequest.of(sample)
