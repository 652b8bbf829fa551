"""The folder of documents: what is taken, what is left out and why."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import kb.changing
import kb.library
from kb.changing import add, remove
from kb.errors import DocumentUnreadable, LastDocument, UnknownDocument
from kb.library import Findings, document_id, find, load


def reasons(findings: Findings) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in findings.skipped}


def test_copies_left_by_the_dead_are_cleared_away(tmp_path: Path) -> None:
    """Those of an hour ago; what others are adding at this moment stays."""
    (tmp_path / "library").mkdir()
    dead, alive = (tmp_path / "library" / f".adding-{name}" for name in ("dead", "alive"))
    for path in (dead, alive):
        path.write_text("一半")
    os.utime(dead, (time.time() - 4000,) * 2)
    (tmp_path / "one.txt").write_text("第一份\n\n正文。\n", encoding="utf-8")
    add(tmp_path / "library", tmp_path / "one.txt")
    assert sorted(path.name for path in alive.parent.iterdir()) == [".adding-alive", "one.txt"]


def test_a_disk_without_hard_links_takes_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory stick; nothing is written over there either."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "one.txt").write_text("第一份\n\n正文。\n", encoding="utf-8")
    library = tmp_path / "library"
    assert add(library, tmp_path / "one.txt").path.read_bytes() == (
        (tmp_path / "one.txt").read_bytes()
    )
    assert [path.name for path in library.iterdir()] == ["one.txt"]


def test_a_folder_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its documents are missing, not removed; the library itself may be shut, too."""
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "in.txt").write_text("第一份\n\n正文。\n", encoding="utf-8")
    (tmp_path / "one.txt").write_text("第二份\n\n正文。\n", encoding="utf-8")
    scan = os.scandir

    def refuse(path: str) -> object:
        if path == os.fspath(shut):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    shut = tmp_path / "shut"
    found = find(tmp_path)
    assert [source.name for source in found.sources] == ["one.txt"]
    assert reasons(found) == {"shut": "it cannot be opened"}
    shut = tmp_path
    assert reasons(find(tmp_path)) == {".": "it cannot be opened"}
    assert find(tmp_path / "nowhere") == Findings((), ())


def test_the_only_document_is_not_removed(tmp_path: Path) -> None:
    """Another has to be there first."""
    (tmp_path / "one.txt").write_text("第一份\n\n正文。\n", encoding="utf-8")
    with pytest.raises(LastDocument) as caught:
        remove(tmp_path, document_id("one.txt"))
    assert caught.value.name == "one.txt"
    (tmp_path / "two.txt").write_text("第二份\n\n正文。\n", encoding="utf-8")
    assert remove(tmp_path, document_id("one.txt")).name == "one.txt"
    assert [path.name for path in tmp_path.iterdir()] == ["two.txt"]


def test_a_document_that_cannot_be_read_is_no_other(tmp_path: Path) -> None:
    """An index could not be made of it, nor of one that holds no passage."""
    (tmp_path / "good.txt").write_text("第一份\n\n正文。\n", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(LastDocument) as caught:
        remove(tmp_path, document_id("good.txt"))
    assert (caught.value.name, caught.value.others) == ("good.txt", 2)
    assert str(caught.value) == (
        "cannot remove good.txt, as no other document can be read: add another first"
    )
    assert remove(tmp_path, document_id("broken.pdf")).name == "broken.pdf"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt", "good.txt"]


def test_what_is_left_out_can_be_removed(tmp_path: Path) -> None:
    """A file of another type, and a copy; of two alike either, as the other is indexed then."""
    for name in ("one.txt", "same.txt"):
        (tmp_path / name).write_text("第一份\n\n正文。\n", encoding="utf-8")
    (tmp_path / "old.doc").write_bytes(b"old")
    assert remove(tmp_path, document_id("old.doc")).name == "old.doc"
    assert remove(tmp_path, document_id("one.txt")).name == "one.txt"
    assert [path.name for path in tmp_path.iterdir()] == ["same.txt"]
    (tmp_path / "one.txt").write_bytes((tmp_path / "same.txt").read_bytes())
    assert remove(tmp_path, document_id("same.txt")).name == "same.txt"
    with pytest.raises(LastDocument):
        remove(tmp_path, document_id("one.txt"))
    with pytest.raises(UnknownDocument):
        remove(tmp_path, document_id("old.doc"))


def test_of_two_that_remove_the_last_two_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However they meet: who looks at the library and changes it does so alone."""
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(f"{name}\n\n正文。\n", encoding="utf-8")
    both = threading.Barrier(2, timeout=1)

    def find_together(folder: Path) -> Findings:
        found = find(folder)
        with suppress(threading.BrokenBarrierError):
            both.wait()
        return found

    monkeypatch.setattr(kb.changing, "find", find_together)
    refused: list[str] = []

    def remove_it(name: str) -> None:
        try:
            remove(tmp_path, document_id(name))
        except LastDocument as error:
            refused.append(error.name)

    threads = [threading.Thread(target=remove_it, args=(n,)) for n in ("one.txt", "two.txt")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [path.name for path in tmp_path.iterdir()] == refused


@pytest.mark.parametrize("change", ["add", "remove"])
def test_who_changes_the_library_waits_for_another_process(tmp_path: Path, change: str) -> None:
    """The lock lies beside the folder, so that no document is taken for it."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"{name}\n\n正文。\n", encoding="utf-8")
    (tmp_path / "new.txt").write_text("第三份\n\n正文。\n", encoding="utf-8")

    def act() -> None:
        if change == "add":
            add(folder, tmp_path / "new.txt")
        else:
            remove(folder, document_id("one.txt"))

    thread = threading.Thread(target=act)
    with FileLock(tmp_path / "documents.lock"):
        thread.start()
        thread.join(0.3)
        assert sorted(path.name for path in folder.iterdir()) == ["one.txt", "two.txt"]
    thread.join()
    left = ["new.txt", "one.txt", "two.txt"] if change == "add" else ["two.txt"]
    assert sorted(path.name for path in folder.iterdir()) == left


def test_a_file_that_is_gone_meanwhile_stops_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that may not be opened, and of which nobody can say that it is the same."""
    library, article = tmp_path / "library", tmp_path / "new.txt"
    library.mkdir()
    for path in (library / "one.txt", library / "two.txt", article):
        path.write_text(f"{path.name}\n\n正文。\n", encoding="utf-8")
    found = find(library)
    (library / "one.txt").unlink()
    monkeypatch.setattr(kb.changing, "find", lambda _: found)
    assert add(library, article).name == "new.txt"
    assert remove(library, document_id("one.txt")).name == "one.txt"
    assert sorted(path.name for path in library.iterdir()) == ["new.txt", "two.txt"]


def test_a_file_that_may_not_be_read_is_not_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is at fault, and no disk; the name is the one that it would have had."""
    secret, path_open = tmp_path / "secret.txt", Path.open
    secret.write_text("秘密。", encoding="utf-8")

    def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == secret:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return path_open(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DocumentUnreadable) as caught:
        add(tmp_path / "library", secret, "other.txt")
    assert str(caught.value) == "cannot read other.txt: permission denied"


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be flushed there")
def test_names_are_flushed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said to be added or removed is so after a power cut."""
    library, article, fsync = tmp_path / "library", tmp_path / "new.txt", os.fsync
    article.write_text("第一份\n\n正文。\n", encoding="utf-8")
    flushed: list[tuple[int, bool]] = []

    def watched(handle: int) -> None:
        there = (library / "new.txt").exists()
        flushed.append((os.fstat(handle).st_ino, there))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    add(library, article)
    folder = library.stat().st_ino
    assert flushed == [((library / "new.txt").stat().st_ino, False), (folder, True)]
    (library / "old.txt").write_text("第二份\n\n正文。\n", encoding="utf-8")
    remove(library, document_id("new.txt"))
    assert flushed[2:] == [(folder, False)]


def test_documents_are_found_below_the_folder_sorted_by_name(tmp_path: Path) -> None:
    (tmp_path / "乙").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.txt", "a.md", "乙/c.TXT", ".hidden.txt", "~$open.txt", ".git/d.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    findings = find(tmp_path)
    assert [source.name for source in findings.sources] == ["a.md", "b.txt", "乙/c.TXT"]
    assert findings.skipped == ()


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("外面", encoding="utf-8")
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "a.txt").write_text("工会", encoding="utf-8")
    (folder / "b.txt").write_text("工会", encoding="utf-8")
    (folder / "c.exe").write_bytes(b"MZ")
    (folder / "d.txt").symlink_to(outside)
    (folder / "e.txt").symlink_to(folder / "nothing.txt")
    (folder / "f").symlink_to(tmp_path, target_is_directory=True)
    assert [source.name for source in find(folder).sources] == ["a.txt"]
    found = reasons(find(folder))
    assert found["b.txt"] == "it has the same content as a.txt"
    assert found["c.exe"].startswith("its type .exe is not supported")
    assert found["d.txt"] == found["f"] == "it is a link that leads out of the folder"
    assert found["e.txt"] == "it cannot be opened, or is a link to nothing"


def test_one_name_in_two_spellings_is_one_document(tmp_path: Path) -> None:
    (tmp_path / "caf\u00e9.txt").write_text("甲", encoding="utf-8")
    (tmp_path / "cafe\u0301.txt").write_text("乙乙", encoding="utf-8")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system knows one spelling only")
    findings = find(tmp_path)
    assert [source.name for source in findings.sources] == ["cafe\u0301.txt"]
    assert "spelled in other bytes" in findings.skipped[0].reason


@pytest.mark.skipif(os.name == "nt", reason="names are always Unicode there")
def test_a_name_that_is_no_unicode_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xb9\xa4")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system wants Unicode names")
    (folder / "a.txt").write_text("工会", encoding="utf-8")
    assert reasons(find(tmp_path)) == {"??/a.txt": "its name is not valid Unicode: rename it"}


def test_a_file_over_the_limit_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kb.library, "MAX_BYTES", 2**20)
    (tmp_path / "a.txt").write_bytes(b"a" * (2**20 + 1))
    assert reasons(find(tmp_path)) == {"a.txt": "it is larger than 1 MB"}


def test_ids_come_from_names_alone(tmp_path: Path) -> None:
    (tmp_path / "报告.txt").write_text("一", encoding="utf-8")
    (first,) = find(tmp_path).sources
    (tmp_path / "报告.txt").write_text("二二", encoding="utf-8")
    (second,) = find(tmp_path).sources
    assert first.id == second.id == kb.library.document_id("报告.txt")


def test_a_document_carries_name_title_and_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "报告.txt").write_text("工会工作开展得很好。", encoding="utf-8")
    document = load(find(tmp_path).sources[0])
    assert (document.name, document.title) == ("报告.txt", "报告")
    assert len(document.fingerprint) == 64


def test_a_file_that_changed_or_went_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("工会", encoding="utf-8")
    (source,) = find(tmp_path).sources
    path.write_text("工会工会", encoding="utf-8")
    with pytest.raises(DocumentUnreadable, match="changed"):
        load(source)
    path.unlink()
    with pytest.raises(DocumentUnreadable, match="no such file"):
        load(source)


def test_an_empty_or_missing_folder_has_no_documents(tmp_path: Path) -> None:
    assert find(tmp_path) == find(tmp_path / "nothing") == Findings((), ())
