"""What a request costs beside its handler. CPU is thread time."""

import base64
import time

import pytest

from edgefn.host import HostRequest, Sandbox, load_component
from edgefn.limits import load_profile
from edgefn.project import load_function, load_samples

pytestmark = pytest.mark.perf


@pytest.fixture(scope="module")
def paid():
    return load_profile("cloudflare-paid")


@pytest.mark.benchmark(timer=time.thread_time, group="cold start, digits inside: instantiate to first response")
def test_cold_start(benchmark, digits, paid, digits_request):
    loaded = load_component(digits.component, paid)
    linker = loaded.linker()

    def cold():
        with Sandbox(loaded, linker, paid) as sandbox:
            return sandbox.call(digits_request)

    assert benchmark.pedantic(cold, rounds=100, warmup_rounds=3).status == 200


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: empty handler, 10 headers, 1 KB body")
def test_warm_request(benchmark, empty, paid):
    loaded = load_component(empty.component, paid)
    request = HostRequest("POST", "/", [(f"x-header-{i}", "value") for i in range(10)], b"x" * 1000)
    with Sandbox(loaded, loaded.linker(), paid) as sandbox:
        assert (
            benchmark.pedantic(lambda: sandbox.call(request), rounds=50, iterations=100, warmup_rounds=2).body == b"ok"
        )


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: empty handler, 10 headers, 1 KB body")
def test_the_binding_alone(benchmark, empty, paid):
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


@pytest.mark.benchmark(timer=time.thread_time, group="warm request: 150 KB of bytes each way")
def test_large_bodies(benchmark, empty, paid):
    loaded = load_component(empty.component, paid)
    request = HostRequest("POST", "/", (), base64.b64decode("//79") * 50_000)
    with Sandbox(loaded, loaded.linker(), paid) as sandbox:
        assert benchmark.pedantic(lambda: sandbox.call(request), rounds=20, iterations=5).status == 200


@pytest.fixture(scope="module")
def digits_request(digits):
    # Raw pixels: what is measured is not PNG decoding.
    (sample,) = load_samples(load_function(digits.component.parents[1]), ("nine",))
    return HostRequest.of(sample)
