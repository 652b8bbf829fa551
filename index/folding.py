"""Text as it is searched: Simplified characters, one for one, so that offsets stay true."""

from __future__ import annotations

from functools import cache

import opencc


def simplified(text: str) -> str:
    """Traditional characters as Simplified ones; the result has the length of `text`.

    By OpenCC's phrases (頭髮 and 發財 differ) where those keep the length, else by single
    characters. Simplified text comes back as it was, but for a rare variant character.
    """
    if text.isascii():
        return text
    by_phrase = _converter().convert(text)
    return by_phrase if len(by_phrase) == len(text) else "".join(map(_simplified, text))


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _simplified(character: str) -> str:
    converted = _converter().convert(character)
    return converted if len(converted) == 1 else character
