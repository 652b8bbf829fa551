"""A sealed folder is what was written, whole, or it is refused by the name of the file at fault."""

from __future__ import annotations

import errno
import json
import stat
from pathlib import Path

import pytest

from index import sealed
from kb.disk import writing
from kb.errors import IndexDamaged, StorageFailed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sealed under its name, with a file in a folder of its own."""
    draft = sealed.draft(tmp_path / "one")
    (draft / "inner").mkdir()
    (draft / "a.bin").write_bytes(b"abc")
    (draft / "inner" / "b.bin").write_bytes(b"")
    sealed.seal(draft, {"kind": "test"})
    sealed.move(draft, tmp_path / "one")
    return tmp_path / "one"


def test_a_sealed_folder_gives_its_facts(folder: Path) -> None:
    """With every file's size and SHA-256; nothing else is left beside it."""
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    manifest = sealed.verify(folder)
    assert manifest == sealed.read(folder)
    assert (manifest["kind"], manifest["folder"]) == ("test", "one")
    assert list(manifest["files"]) == ["a.bin", "inner/b.bin"]
    assert manifest["files"]["inner/b.bin"] == {"size": 0, "sha256": nothing}
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_every_byte_of_a_manifest_counts(folder: Path) -> None:
    """Whichever is changed, cut off or added, also where JSON would not care."""
    path = folder / sealed.MANIFEST
    whole = path.read_bytes()
    spoiled = [whole[:i] for i in range(len(whole))]
    spoiled += [whole[:i] + b"\t" + whole[i + 1 :] for i in range(len(whole))]
    spoiled += [whole + b"\n", whole + b" ", whole.replace(b"\n", b"\r\n"), b"\n" + whole]
    for data in spoiled:
        path.write_bytes(data)
        with pytest.raises(IndexDamaged) as caught:
            sealed.read(folder)
        assert caught.value.file == path
        assert caught.value.reason == "its bytes are not those that were written"


def test_another_format_is_refused(folder: Path) -> None:
    """An index of an earlier or later program says which."""
    path = folder / sealed.MANIFEST
    manifest = {**sealed.read(folder), "format": 99}
    text = json.dumps(manifest).encode()
    path.write_bytes(sealed._seal_line(text) + text)
    with pytest.raises(IndexDamaged, match="its format is 99, not 2"):
        sealed.read(folder)


def test_a_folder_under_another_name_is_refused(folder: Path) -> None:
    """A manifest, or a whole folder, that was copied from elsewhere is not taken for this one."""
    folder.rename(folder.with_name("two"))
    with pytest.raises(IndexDamaged, match="it is that of one"):
        sealed.verify(folder.with_name("two"))


def test_a_file_that_the_manifest_does_not_know_is_refused(folder: Path) -> None:
    """It may be the rest of another generation."""
    (folder / "inner" / "c.bin").write_bytes(b"")
    with pytest.raises(IndexDamaged, match="the manifest does not know it") as caught:
        sealed.verify(folder)
    assert caught.value.file == folder / "inner" / "c.bin"


def test_a_folder_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    """Whatever it is, it is not what was written."""
    (folder / "a.bin").unlink()
    (folder / "a.bin").mkdir()
    with pytest.raises(IndexDamaged) as caught:
        sealed.verify(folder)
    assert caught.value.file == folder / "a.bin"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """As one whose manifest is missing."""
    with pytest.raises(IndexDamaged, match="it is missing"):
        sealed.verify(tmp_path / "none")


def test_discarded_folders_and_dead_drafts_go(folder: Path) -> None:
    """Files and folders, and nothing that is not a draft."""
    sealed.draft(folder)
    (folder.parent / ".CURRENT.0a1b2c3d.draft").write_text("half")
    (folder.parent / ".hidden").write_text("kept")
    sealed.discard(folder)
    sealed.clear_drafts(folder.parent)
    assert [path.name for path in folder.parent.iterdir()] == [".hidden"]


def test_a_replaced_file_may_be_read_by_others(tmp_path: Path) -> None:
    """It has the mode of any new file: a server may be another user than the builder."""
    (tmp_path / "plain").write_text("")
    sealed.replace_text(tmp_path / "CURRENT", "one\n")
    sealed.replace_text(tmp_path / "CURRENT", "two\n")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1
    assert (tmp_path / "CURRENT").read_text() == "two\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "plain"]


def test_a_refusal_of_the_system_names_the_file_and_the_cause(tmp_path: Path) -> None:
    """In one line with what to do."""
    with pytest.raises(StorageFailed) as caught, writing(tmp_path):
        (tmp_path / "none" / "file").write_text("")
    assert str(caught.value) == (
        f"storage failed at {tmp_path / 'none' / 'file'} (No such file or directory): "
        "see to that disk, or choose another folder with --home"
    )
    with pytest.raises(StorageFailed) as caught, writing(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.path, caught.value.reason) == (tmp_path, "No space left on device")


def test_a_closed_pipe_is_no_failure_of_the_disk(tmp_path: Path) -> None:
    """Whoever reads the progress of a build may go away."""
    with pytest.raises(BrokenPipeError), writing(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
