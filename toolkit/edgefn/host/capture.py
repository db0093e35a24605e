"""What a guest prints."""

__all__ = ["MAX_BYTES", "Capture"]

MAX_BYTES = 256 << 10  # what Workers keep of a request's logs


class Capture:
    """Collects output up to MAX_BYTES and counts the rest; wasmtime calls `write` on a thread of its own."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._kept = self._dropped = 0

    def write(self, data: bytes) -> int:
        """Take one chunk; a guest is never told that output was dropped."""
        room = MAX_BYTES - self._kept
        if room > 0:
            self._chunks.append(data[:room])
            self._kept += min(room, len(data))
        self._dropped += max(0, len(data) - max(room, 0))
        return len(data)

    @property
    def total(self) -> int:
        """Bytes that were printed since the last take."""
        return self._kept + self._dropped

    def take(self) -> str:
        """What was printed since the last call."""
        text = b"".join(self._chunks).decode(errors="replace")
        if self._dropped:
            text += f"\n[{self._dropped:,} more bytes were dropped]\n"
        self._chunks, self._kept, self._dropped = [], 0, 0
        return text
