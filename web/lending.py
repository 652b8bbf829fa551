"""One searcher lent to many threads, and put away when the last of them gives it back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kb.errors import NotReady

if TYPE_CHECKING:
    from index.search import Searcher


class Loan:
    """One open searcher and how many requests hold it."""

    __slots__ = ("retired", "searcher", "users")

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self.users = 0
        self.retired = False


class Lender:
    """Lends out the present searcher; an earlier one is closed with its last user."""

    def __init__(self) -> None:
        self._loan: Loan | None = None
        self._lock = threading.Lock()

    @property
    def searcher(self) -> Searcher | None:
        """The searcher that serves now, or None; `hold` it while you use it."""
        loan = self._loan
        return loan.searcher if loan else None

    def adopt(self, searcher: Searcher) -> None:
        """Serve from `searcher` from now on; requests under way end on the old one."""
        self._replace(Loan(searcher))

    def put_away(self) -> None:
        """Lend nothing from now on; requests under way end on what they hold."""
        self._replace(None)

    def _replace(self, loan: Loan | None) -> None:
        with self._lock:
            old, self._loan = self._loan, loan
            if old:
                old.retired = True
            idle = old is not None and old.users == 0
        if old and idle:
            old.searcher.close()

    @contextmanager
    def hold(self) -> Iterator[Searcher]:
        """Keep the present searcher open for a `with` block; raises NotReady."""
        loan = self.acquire()
        try:
            yield loan.searcher
        finally:
            self.release(loan)

    def acquire(self) -> Loan:
        """Take hold of what serves now; whoever does must `release` it. Raises NotReady."""
        with self._lock:
            if self._loan is None:
                raise NotReady
            self._loan.users += 1
            return self._loan

    def release(self, loan: Loan) -> None:
        """Give it back."""
        with self._lock:
            loan.users -= 1
            last = loan.retired and loan.users == 0
        if last:
            loan.searcher.close()
