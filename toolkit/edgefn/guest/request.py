"""What a handler receives."""

import json
from collections.abc import Iterator
from typing import Any

from edgefn.guest.tensor import Tensor

__all__ = ["Headers", "Request"]


class Headers:
    """Header fields in the order they came; names compare without case."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: "list[tuple[str, str]]") -> None:
        self.pairs = pairs

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value under `name`."""
        wanted = name.lower()
        for key, value in self.pairs:
            if key.lower() == wanted:
                return value
        return default

    def all(self, name: str) -> list[str]:
        """Every value under `name`."""
        wanted = name.lower()
        return [value for key, value in self.pairs if key.lower() == wanted]

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> "Iterator[tuple[str, str]]":
        return ((key, value) for key, value in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


class Request:
    """An HTTP request: `method`, `url`, `headers`, `client` (what the platform knows of the sender) and a body."""

    __slots__ = ("_bytes", "_text", "client", "headers", "id", "method", "url")

    def __init__(
        self,
        method: str = "GET",
        url: str = "/",
        headers: "list[tuple[str, str]] | tuple[()]" = (),
        body: "bytes | str" = b"",
        *,
        id: str = "",  # noqa: A002 -- the frame's own word
        client: "dict[str, str] | None" = None,
    ) -> None:
        self.id = id
        self.method = method
        self.url = url
        self.headers = Headers(list(headers))
        self.client = client or {}
        # A body is kept as it came and converted when asked for: most handlers want one form only.
        self._text = body if isinstance(body, str) else None
        self._bytes = body if isinstance(body, bytes) else None

    @property
    def path(self) -> str:
        """The path of the URL, without scheme, host and query."""
        rest = self.url.partition("?")[0].partition("#")[0]
        if "://" in rest:
            rest = "/" + rest.partition("://")[2].partition("/")[2]
        return rest

    @property
    def body(self) -> bytes:
        if self._bytes is None:
            self._bytes = (self._text or "").encode()
        return self._bytes

    @property
    def text(self) -> str:
        """The body as UTF-8; raises UnicodeDecodeError when it is not."""
        if self._text is None:
            self._text = (self._bytes or b"").decode()
        return self._text

    def json(self) -> Any:  # noqa: ANN401 -- what JSON holds
        """The body as JSON; raises ValueError when it is not."""
        return json.loads(self._text if self._text is not None else self.body)

    def tensor(self, dtype: str, shape: tuple[int, ...]) -> Tensor:
        """The body as a tensor; raises ValueError when it does not fill `shape`."""
        return Tensor(dtype, shape, self.body)
