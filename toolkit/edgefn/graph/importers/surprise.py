"""Operators of a form that nobody thought of."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from edgefn.errors import UnsupportedError

__all__ = ["surprises"]


@contextmanager
def surprises(op: str, label: str) -> Iterator[None]:
    """Turn what a handler stumbles over into UnsupportedError EFN-M011, which has the traceback as its detail.

    Handlers check what they read, so that messages say what is wrong. This is for what they miss, in files that may be
    hostile; the fuzzer counts it as a finding.
    """
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        message = f"{op} operator {label!r} has a form that edgefn does not expect: {type(error).__name__}: {error}"
        hint = "check the model elsewhere; if it runs there, report this with the model"
        raise UnsupportedError("EFN-M011", message, hint=hint, detail=traceback.format_exc()) from error
