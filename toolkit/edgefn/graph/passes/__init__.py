"""Passes that rewrite a graph into an equal, cheaper one."""

from edgefn.graph.passes.pipeline import optimize

__all__ = ["optimize"]
