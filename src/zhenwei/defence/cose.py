"""As much of CBOR (RFC 8949) as signatures need. Lengths are bounded by the data, depth and number by ours."""

from __future__ import annotations

from collections.abc import Iterator

_DEEPEST, _MAX_ITEMS = 16, 20_000
_NULL, _BREAK, _OPEN = 22, 0xFF, 31


class OddCborError(ValueError):
    """Not CBOR, or more of it than any signature has."""


def read_cbor(data: bytes) -> object:
    """The one item that ``data`` is: int, bytes, str, list, dict, None, True or False; tags are passed over, floating
    point numbers are their bits. Raises OddCborError, also where something follows the item."""
    reader = _Cbor(data)
    found = reader.item(0)
    if reader.at != len(data):
        raise OddCborError
    return found


class _Cbor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self._items = data, 0, 0

    def item(self, depth: int) -> object:
        self._items += 1
        if depth > _DEEPEST or self._items > _MAX_ITEMS:
            raise OddCborError
        major, value = self._head()
        if major in (2, 3):
            return self._text(major, value)
        if major == 4:
            return list(self._several(value, depth + 1))
        if major == 5:
            flat = list(self._several(None if value is None else 2 * value, depth + 1))
            if len(flat) % 2 or any(isinstance(key, list | dict) for key in flat[::2]):
                raise OddCborError
            return dict(zip(flat[::2], flat[1::2], strict=True))
        if major == 6:
            return self.item(depth + 1)
        if value is None:
            raise OddCborError
        if major == 7:
            return {20: False, 21: True, _NULL: None}.get(value, value)
        return -1 - value if major == 1 else value

    def _text(self, major: int, length: int | None) -> bytes | str:
        parts = []
        if length is None:  # pieces of a known length, up to a break
            while self.data[self.at : self.at + 1] != bytes([_BREAK]):
                kind, size = self._head()
                if kind != major or size is None:
                    raise OddCborError
                parts.append(self._bytes(size))
            self.at += 1
        else:
            parts.append(self._bytes(length))
        whole = b"".join(parts)
        try:
            return whole if major == 2 else whole.decode("utf-8")
        except UnicodeDecodeError:
            raise OddCborError from None

    def _bytes(self, length: int) -> bytes:
        self.at += length
        if self.at > len(self.data):
            raise OddCborError
        return self.data[self.at - length : self.at]

    def _several(self, count: int | None, depth: int) -> Iterator[object]:
        if count is None:
            while self.data[self.at : self.at + 1] != bytes([_BREAK]):
                yield self.item(depth)
            self.at += 1
            return
        for _ in range(count):
            yield self.item(depth)

    def _head(self) -> tuple[int, int | None]:
        """Kind and value of the next item, None for one without a length in advance."""
        if self.at >= len(self.data):
            raise OddCborError
        first = self.data[self.at]
        major, low = first >> 5, first & 0x1F
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
        if self.at + 1 + size > len(self.data) or (low > 27 and not (low == _OPEN and major in (2, 3, 4, 5))):
            raise OddCborError
        value = int.from_bytes(self.data[self.at + 1 : self.at + 1 + size], "big") if size else low
        self.at += 1 + size
        return major, None if low == _OPEN else value
