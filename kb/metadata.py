"""What a document states of itself: when it was made, and by whom."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HAN = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | {"零": "0", "○": "0"}
_DIGIT = r"[\d〇○零一二三四五六七八九十]"
_DATE = re.compile(
    rf"(?<!\d)({_DIGIT}{{4}})\s*[年./-]\s*({_DIGIT}{{1,3}})\s*(?:[月./-]\s*(?:({_DIGIT}{{1,3}})\s*日?)?)"
)
_OFFICE = re.compile(
    r"(?:省长|市长|区长|县长|州长|盟长|主席|主任|书记|会长|总理|院长|检察长)\s*"
    r"([\u4e00-\u9fff·]{2,6}?)\s*(?:同志)?(?:$|作|在)"
)
_AUTHOR = re.compile(
    r"(?:□|(?:作者|撰稿人?|供稿|执笔|报告人)\s*[:：]|本报(?:记者|通讯员)|记者)\s*"
    r"([\u4e00-\u9fff·A-Za-z .、]{2,30})$"
)


def stated_date(lines: Iterable[str]) -> str | None:
    """Return the first date in `lines` in ISO 8601, to the day or the month it states."""
    for line in lines:
        for match in _DATE.finditer(line):
            year, month, day = (_number(part) for part in match.groups(default=""))
            if 1900 <= year <= 2100 and 1 <= month <= 12 and 0 <= day <= 31:
                return f"{year:04}-{month:02}" + (f"-{day:02}" if day else "")
    return None


def stated_author(lines: Iterable[str]) -> str | None:
    """Return who a byline among `lines` names, or who by virtue of an office gives the report."""
    stripped = [line.strip() for line in lines]
    found = (pattern.search(line) for pattern in (_AUTHOR, _OFFICE) for line in stripped)
    return next((match.group(1).strip() for match in found if match), None)


def _number(digits: str) -> int:
    """Read 2021, 二〇二一, 五, 十二 or 二十一."""
    if not digits or digits.isdecimal():
        return int(digits or 0)
    if "十" in digits:
        tens, _, ones = digits.partition("十")
        return 10 * _number(tens or "一") + _number(ones)
    return int("".join(_HAN.get(digit, digit) for digit in digits))
