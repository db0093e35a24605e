"""One file a check: diagnosis and remedy."""

from edgefn.doctor.check import run_checks
from edgefn.doctor.diagnosis import Diagnosis

__all__ = ["Diagnosis", "run_checks"]
