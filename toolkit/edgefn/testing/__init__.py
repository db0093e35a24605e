"""Functions under limits profiles: samples against expectations, and requests of a user's own tests."""

from edgefn.testing.run import ProfileRun, SampleRun, TestRun, run_samples
from edgefn.testing.trial import Reply, Trial

__all__ = ["ProfileRun", "Reply", "SampleRun", "TestRun", "Trial", "run_samples"]
