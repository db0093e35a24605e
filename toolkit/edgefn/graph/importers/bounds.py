"""How much of a model file is read, whatever its format: a hostile file must cost neither much memory nor much time."""

from edgefn.errors import ModelError

__all__ = [
    "MAX_DIM",
    "MAX_ELEMENTS",
    "MAX_EMITTED",
    "MAX_FILE_BYTES",
    "MAX_FOLDED",
    "MAX_NODES",
    "MAX_RANK",
    "MAX_TENSORS",
    "MAX_WINDOW",
    "bound",
]

MAX_FILE_BYTES = 256 << 20
MAX_NODES = 4_096
MAX_EMITTED = 32_768  # nodes of the graph; one of the file may become several
MAX_TENSORS = 65_536
MAX_RANK = 6
MAX_DIM = 1 << 24
MAX_ELEMENTS = 1 << 27
MAX_FOLDED = 1 << 24  # elements of a constant that is computed at import
MAX_WINDOW = 4_096  # a kernel size, stride or dilation, as the engine has it


def bound(fulfilled: bool, message: str) -> None:
    """Raise ModelError EFN-M008 with the message unless the bound is fulfilled."""
    if not fulfilled:
        raise ModelError(
            "EFN-M008", message, hint="a model for the edge is smaller; check that the file is what it should be"
        )
