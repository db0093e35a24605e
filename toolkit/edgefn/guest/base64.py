"""Base64 without line breaks: by the engine's vectors in a component, by binascii outside one."""

import binascii

__all__ = ["decode", "encode"]


try:
    from _edgefn_engine import decode_base64, encode_base64
except ImportError:

    def encode_base64(data: bytes) -> str:
        return binascii.b2a_base64(data, newline=False).decode("ascii")

    def decode_base64(text: str) -> bytes:
        return binascii.a2b_base64(text, strict_mode=True)


def encode(data: bytes) -> str:
    text: str = encode_base64(data)
    return text


def decode(text: str) -> bytes:
    """Raises ValueError when it is none."""
    data: bytes = decode_base64(text)
    return data
