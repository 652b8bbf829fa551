"""Disks that fail: every call in turn, a disk that is full, one that is read-only."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from index.home import Home
from tests.faults.children import Ended, Fault, built
from tests.faults.house import House, require
from tests.faults.interposer import Calls
from tests.faults.server import Server
from tests.faults.table import Row
from tests.waiting import wait_for

_PAGE = 4096


def failing_calls(folder: Path, share: float, rng: random.Random) -> Iterator[Row]:
    """Each kind of call fails in turn: once with EIO, or from then on with ENOSPC."""
    house = House(folder / "calls")
    for before in (True, False):
        for calls in Calls:
            for error in (errno.EIO, errno.ENOSPC):
                yield _failing(house, calls, error, share, rng, before=before)


def _failing(
    house: House, calls: Calls, error: int, share: float, rng: random.Random, *, before: bool
) -> Row:
    label = f"{calls.name} fails, {errno.errorcode[error]}"
    row = Row(f"{label}, {'an' if before else 'no'} index before")
    house.build()
    total = int(built(house.home.root, Fault(calls, 10**9, error)).said.split()[1])
    for nth in sorted(rng.sample(range(1, total + 1), max(1, round(share * total)))):
        with row.round(f"call {nth} of {total}"):
            serving = house.ready(before=before)
            ended = built(house.home.root, Fault(calls, nth, error, lasting=error == errno.ENOSPC))
            row.outcomes[_told(ended, error)] += 1
            house.check(serving)
            house.check_next()
    return row


def _told(ended: Ended, error: int) -> str:
    """Either it went well in spite of it, or one line names the cause and the status is 1."""
    if ended.status == 0:
        return "built all the same"
    require(ended.status == 1, f"status {ended.status}: {ended.said}")
    require(ended.said.startswith("Error: "), ended.said)
    causes = (os.strerror(error), "disk I/O error", "database or disk is full", "unable to open")
    require(any(cause in ended.said for cause in causes), ended.said)
    return "refused with the cause"


def full_disk(folder: Path, step: int, *, before: bool) -> Row:
    """A real disk with room for 0, `step`, 2 `step` ... pages more than the index takes."""
    row = Row(f"disk full after n pages, {'an' if before else 'no'} index before")
    try:
        with _mounted(folder / f"disk-{before}", megabytes=8) as disk:
            _fill_up(row, House(disk / "home"), disk, step, before=before)
    except PermissionError as error:
        row.note = f"skipped: {error}"
    return row


def _fill_up(row: Row, house: House, disk: Path, step: int, *, before: bool) -> None:
    shutil.rmtree(disk / "home-spare")
    filler = disk / "filler"
    for pages in range(0, 1000, step):
        with row.round(f"{pages} pages free"):
            serving = house.ready(before=before)
            free = shutil.disk_usage(disk).free // _PAGE
            filler.write_bytes(b"\0" * (max(0, free - pages) * _PAGE))
            ended = built(house.home.root)
            filler.unlink()
            outcome = _told(ended, errno.ENOSPC)
            row.outcomes[outcome] += 1
            house.check(serving)
            house.check_next()
            if outcome == "built all the same":
                return
    row.lost.append("it never had room enough")


@contextmanager
def _mounted(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own for the `with` block. Raises `PermissionError` where none may be had."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"]
    try:
        mounted = subprocess.run(
            ["mount", *options, folder], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise PermissionError("no mount command") from error
    if mounted.returncode:
        raise PermissionError(mounted.stderr.strip().rpartition(": ")[2])
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _serves_read_only(home: Home, log: Path) -> None:
    server = Server(home, log)
    try:
        wait_for(lambda: server.ask("/readyz")[0] == HTTPStatus.OK, 60)
        status, answer = server.ask("/api/search?q=a&k=1")
        require((status, len(answer["hits"])) == (HTTPStatus.OK, 1), f"search: {status} {answer}")
        server.ask("/api/rebuild", "POST")
        wait_for(lambda: server.ask("/api/rebuild")[1]["state"] == "failed", 60)
        told = server.ask("/api/rebuild")[1]["error"]
        require("Read-only file system" in told, f"rebuild: {told}")
        require(server.ask("/readyz")[0] == HTTPStatus.OK, "it serves no more")
    finally:
        server.end()


def read_only(folder: Path) -> Row:
    """An index on a disk that cannot be written answers; a build there says why it cannot."""
    row = Row("read-only disk")
    try:
        with _mounted(folder / "read-only", megabytes=8) as disk:
            house = House(disk / "home")
            serving = house.build()
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            with row.round("search"):
                require(house.check(serving) == serving, "another generation")
            with row.round("build"):
                outcome = _told(built(house.home.root), errno.EROFS)
                require(outcome != "built all the same", "a build on a read-only disk")
                row.outcomes[outcome] += 1
            with row.round("server"):
                _serves_read_only(house.home, folder / "read-only.log")
                row.outcomes["served"] += 1
    except PermissionError as error:
        row.note = f"skipped: {error}"
    return row
