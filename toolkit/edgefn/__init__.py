"""edgefn: machine-learning inference at the network edge.

What a handler imports. The same names work inside a component, under pytest and in a debugger.
"""

from edgefn.guest.model import Model, load_model
from edgefn.guest.request import Request
from edgefn.guest.response import Response
from edgefn.guest.tensor import Tensor

__all__ = ["Model", "Request", "Response", "Tensor", "load_model"]
__version__ = "0.1.0"
