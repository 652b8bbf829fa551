"""A code-point map as the `precompiled_charsmap` that the tokenizers library reads."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

_OFFSET_LIMIT = 1 << 21  # beyond it a unit would need the extended form of the offset
_HAS_LEAF = 1 << 8
_IS_LEAF = 1 << 31


@dataclass(slots=True)
class _Node:
    """After the bytes of a key's beginning; `leaf` points to a replacement where a key ends."""

    children: dict[int, _Node] = field(default_factory=dict)
    leaf: int | None = None

    def labels(self) -> list[int]:
        """The bytes that may follow; 0 stands for the end of a key."""
        return [*([0] if self.leaf is not None else []), *self.children]


def compile_charsmap(table: Mapping[str, str]) -> bytes:
    """SentencePiece's form: a Darts-clone double array over UTF-8, then the replacements.

    Layout after SentencePiece `normalizer.cc` and darts-clone `darts.h`: uint32 size of the
    array in bytes; units of 32 bits; NUL-ended replacements that leaf units point into.
    Raises `ValueError` for a map too large for the short form of the array.
    """
    replacements = bytearray()
    root = _Node()
    for key, value in table.items():
        node = root
        for byte in key.encode("utf-8"):
            node = node.children.setdefault(byte, _Node())
        node.leaf = len(replacements)
        replacements += value.encode("utf-8") + b"\0"
    units = _double_array(root)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(replacements)


def _double_array(root: _Node) -> list[int]:
    units: dict[int, int] = {0: 0}
    waiting = deque([(0, root)])
    first_free = 1
    while waiting:
        at, node = waiting.popleft()
        while first_free in units:
            first_free += 1
        base = first_free
        while any(base ^ label in units for label in node.labels()):
            base += 1
        units[at] |= (at ^ base) << 10 | (_HAS_LEAF if node.leaf is not None else 0)
        if node.leaf is not None:
            units[base] = _IS_LEAF | node.leaf
        for byte, child in node.children.items():
            units[base ^ byte] = byte
            waiting.append((base ^ byte, child))
    size = (max(units) | 0xFF) + 1
    if size >= _OFFSET_LIMIT:
        raise ValueError("the map is too large for one array")
    return [units.get(i, 0) for i in range(size)]
