"""The local server."""

from edgefn.emulator.server import FunctionServer, serve

__all__ = ["FunctionServer", "serve"]
