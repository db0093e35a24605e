"""The wasmtime host: a component under a limits profile."""

from edgefn.host.component import Loaded, load_component
from edgefn.host.frames import MAX_BODY_BYTES, HostRequest
from edgefn.host.outcome import Breach, Failure, FailureFrame, Outcome, Usage
from edgefn.host.sandbox import Sandbox
from edgefn.host.watch import watch
from edgefn.host.worker import Worker

__all__ = [
    "MAX_BODY_BYTES",
    "Breach",
    "Failure",
    "FailureFrame",
    "HostRequest",
    "Loaded",
    "Outcome",
    "Sandbox",
    "Usage",
    "Worker",
    "load_component",
    "watch",
]
