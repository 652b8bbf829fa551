"""Documents that are added while the process dies or the disk fails, at every call in turn."""

from __future__ import annotations

import errno
from pathlib import Path

from tests.faults.children import Fault, built
from tests.faults.house import House, require
from tests.faults.interposer import EVERY, KILL
from tests.faults.table import Row

_TEXT = "消费帮扶\n\n采购对口支援地区农副产品。\n"


def added_documents(folder: Path) -> Row:
    """The file is in the library whole or not at all, and can be added afterwards."""
    row = Row("a document added, every call fails or kills")
    house = House(folder / "adding")
    house.build()
    article = folder / "帮扶.txt"
    article.write_text(_TEXT, encoding="utf-8")
    command = ("add", "--no-build", str(article))
    target = house.home.documents / article.name
    total = int(built(house.home.root, Fault(EVERY, 10**9, KILL), command).said.split()[1])
    for error in (KILL, errno.EIO, errno.ENOSPC):
        for nth in range(1, total + 1):
            with row.round(f"call {nth} of {total}, {errno.errorcode.get(error, 'killed')}"):
                target.unlink(missing_ok=True)
                status = built(house.home.root, Fault(EVERY, nth, error), command).status
                whole = target.exists() and target.read_text(encoding="utf-8") == _TEXT
                require(whole or not target.exists(), "a part of it is in the library")
                require(whole or status != 0, "it is said to be there")
                row.outcomes["added" if whole else "not added"] += 1
                again = built(house.home.root, None, command)
                require(again.status == int(whole), f"added again: {again}")
                require(target.read_text(encoding="utf-8") == _TEXT, "it cannot be added")
    return row
