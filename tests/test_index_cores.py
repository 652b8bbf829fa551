"""Work is shared among threads, and each part of it knows whose it is."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from index.cores import Crowd, together
from index.milvus.deadline import Deadline

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


def test_results_come_in_the_order_of_the_works() -> None:
    assert together([lambda i=i: i * i for i in range(20)]) == [i * i for i in range(20)]  # type: ignore[misc]
    assert together([]) == []


def test_the_first_runs_here_and_the_others_at_the_same_time() -> None:
    """Each waits for the other, so that one after the other would not end."""
    met = threading.Barrier(2, timeout=10)

    def where() -> int:
        met.wait()
        return threading.get_ident()

    here, elsewhere = together([where, where])
    assert here == threading.get_ident()
    assert elsewhere != here


def test_what_one_of_them_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        together([lambda: 1, lambda: 1 // 0])
    with pytest.raises(ZeroDivisionError):
        together([lambda: 1 // 0, lambda: 1])


def test_all_know_what_the_caller_knows() -> None:
    WHOSE.set("ours")
    assert together([WHOSE.get, WHOSE.get]) == ["ours", "ours"]


def test_the_time_of_a_search_counts_on_its_threads_too() -> None:
    deadline = Deadline("a store", 60.0)
    with deadline.shared():
        assert all(left < 60.0 for left in together([deadline.left, deadline.left]))
    assert together([deadline.left, deadline.left]) == [60.0, 60.0]


def test_who_computes_is_alone_until_another_does() -> None:
    crowd = Crowd()

    def alone() -> bool:
        return crowd.is_one

    assert alone()
    with crowd.joined():
        assert alone()
        with crowd.joined():
            assert not alone()
        assert alone()
    with pytest.raises(ZeroDivisionError), crowd.joined(), crowd.joined():
        assert 1 // 0
    with crowd.joined():
        assert alone()
