"""The labels that open a heading or an item: 第一章, 一、, （一）, 1., （1）, ●, 一是."""

from __future__ import annotations

import re
from typing import NamedTuple

_HAN = "零〇一二三四五六七八九十百千两"
_ENGLISH = r"(?:\d{1,3}|[IVXLC]{1,6})"
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_NUMBER = rf"(?:[{_HAN}]{{1,7}}|\d{{1,4}})"
# After a decimal number these make it a quantity (3.5万人), others a title (3.5服务职工).
_NO_MEASURE = "(?![万亿千百十个倍元人米公家件名项岁年月度多余左以])[\u4e00-\u9fff]"

# Ranks follow GB/T 9704 (一、 （一） 1. （1）) and the order of 编 章 节 条 in statutes. Gaps leave
# room for what stands between; `None` says that the label has no rank of its own.
_STYLES: tuple[tuple[str, int | None, str], ...] = (
    ("编", 10, rf"第\s*({_NUMBER})\s*[编篇](?=[\s:：]|[\u4e00-\u9fff]|$)"),
    ("部分", 15, rf"第\s*({_NUMBER})\s*部分[、:：]?"),
    ("章", 20, rf"第\s*({_NUMBER})\s*章[、:：]?"),
    ("节", 30, rf"第\s*({_NUMBER})\s*节[、:：]?"),
    ("Part", 12, rf"(?i:part)\s+({_ENGLISH})\b[.:]?"),
    ("Chapter", 20, rf"(?i:chapter)\s+({_ENGLISH})\b[.:]?"),
    ("Section", 30, rf"(?i:section)\s+({_ENGLISH})\b[.:]?"),
    ("I.", 40, r"([IVXLC]{1,6})\.(?=\s)"),
    ("条", 70, rf"第\s*({_NUMBER})\s*条(?:之[{_HAN}]+)?(?=\s|[:：]|$)"),
    ("一是", 90, rf"({_NUMBER})是"),
    ("第一，", 90, rf"第({_NUMBER})[，,、]"),
    ("一、", 40, rf"([{_HAN}]{{1,3}})[、.．]"),
    ("（一）", 50, rf"[（(]\s*([{_HAN}]{{1,3}})\s*[）)]、?"),
    ("1.1", 62, rf"(\d{{1,2}}(?:[.．]\d{{1,2}}){{1,4}})(?![\d%％])[.．、]?(?=\s|{_NO_MEASURE})"),
    ("1.", 60, r"(\d{1,3})\s?(?:[.．](?!\d)|、)"),
    ("（1）", 65, r"[（(]\s*(\d{1,3})\s*[）)]"),
    ("1）", 66, r"(\d{1,3})[）)]"),
    ("①", 67, r"([①-⑳])"),
    ("●", None, r"([●■◆▲★◎◇☆▌█▍▶►※])"),
    ("【】", None, r"(【)(?=[^】]+】)"),
)
_PATTERN = re.compile("|".join(f"(?P<s{i}>{p})" for i, (_, _, p) in enumerate(_STYLES)))
_BULLET = re.compile(r"[-—–*•·>|+○◦▪]|```|~~~|\[\d+\]")
_DIGITS = "零一二三四五六七八九"
_VALUES = {c: i for i, c in enumerate(_DIGITS)} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}


class Label(NamedTuple):
    """The opening of a line: `rank` orders numbered styles outside in, `end` is past it."""

    style: str
    rank: int | None
    ordinal: int
    end: int


def read_label(line: str) -> Label | None:
    """Return the label that `line` opens with, or None; `line` is stripped on the left."""
    if not (match := _PATTERN.match(line)):
        return None
    group = match.lastgroup or "s0"
    style, rank, _ = _STYLES[int(group[1:])]
    number = next(g for g in match.groups()[match.re.groupindex[group] :] if g is not None)
    if style == "●":
        style = number
    return Label(style, rank, _ordinal(number), match.end())


def is_item(line: str) -> bool:
    """Say whether `line` opens as something of its own: a label, a bullet, a dash."""
    return read_label(line) is not None or _BULLET.match(line) is not None


def han(number: int) -> str:
    """Write a number as headings do, 12 as 十二; in digits where it has no usual form."""
    if not 0 < number < 10_000:
        return str(number)
    written = ""
    for value, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, value)
        if digit:
            written += _DIGITS[digit] + unit
        elif written and number and not written.endswith("零"):
            written += "零"
    return written.removeprefix("一") if written.startswith("一十") else written


def _ordinal(number: str) -> int:
    if number.isdecimal():
        return int(number)
    if set(number) <= _ROMAN.keys():
        values = [_ROMAN[char] for char in number]
        after = [*values[1:], 0]
        return sum(-a if a < b else a for a, b in zip(values, after, strict=True))
    if "①" <= number <= "⑳":
        return ord(number) - ord("①") + 1
    if number[0].isdecimal():
        return int(re.split(r"[.．]", number)[-1])
    total = digit = 0
    for char in number:
        if char in _UNITS:
            total += (digit or 1) * _UNITS[char]
            digit = 0
        else:
            digit = _VALUES.get(char, 0)
    return total + digit
