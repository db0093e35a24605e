"""Samples against expectations, under limits profiles."""

from edgefn.testing.run import ProfileRun, SampleRun, TestRun, run_samples

__all__ = ["ProfileRun", "SampleRun", "TestRun", "run_samples"]
