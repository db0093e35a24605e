"""Cold start, latency, CPU, memory and sizes of a function, beside the limits of platforms."""

from edgefn.bench.check import Check, check
from edgefn.bench.fit import Fit, Gauge, fit
from edgefn.bench.measure import BenchRun, Distribution, measure
from edgefn.bench.model import ModelRun, run_model

__all__ = ["BenchRun", "Check", "Distribution", "Fit", "Gauge", "ModelRun", "check", "fit", "measure", "run_model"]
