"""The JavaScript beside a standalone module: an ES module that loads and runs it, and its TypeScript types."""

from edgefn.build.javascript.wrapper import Wrapper, is_wrapper, write_wrapper

__all__ = ["Wrapper", "is_wrapper", "write_wrapper"]
