"""Cold start, latency, CPU, memory and sizes of a function, beside the limits of a platform."""

from edgefn.bench.measure import BenchRun, Distribution, Gauge, measure

__all__ = ["BenchRun", "Distribution", "Gauge", "measure"]
