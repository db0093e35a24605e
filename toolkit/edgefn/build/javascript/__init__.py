"""The JavaScript beside a standalone module: an ES module that loads and runs it, and its TypeScript types."""

from edgefn.build.javascript.wrapper import HEAD, Wrapper, write_wrapper

__all__ = ["HEAD", "Wrapper", "write_wrapper"]
