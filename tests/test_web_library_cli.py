"""`kb add`, `kb remove`, `kb list`: the library by hand."""

from __future__ import annotations

import errno
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import index.encoder
from index import generation
from index.build import build
from index.home import Home
from index.search import Searcher
from kb import changing as kb_changing
from kb.library import document_id
from tests.conftest import REPORTS
from tests.fakes import HashEncoder
from web.cli import main

ARTICLE = "工会开展消费帮扶活动\n\n采购对口支援地区农副产品,帮助困难群众增加收入。\n"


@pytest.fixture(autouse=True)
def fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake encoder stands in for the model, and the environment leads nowhere."""
    monkeypatch.setattr(index.encoder, "load_encoder", lambda *_: HashEncoder())
    monkeypatch.delenv("KB_HOME", raising=False)


@pytest.fixture
def article(tmp_path: Path) -> Path:
    """A report that is not in the library yet."""
    path = tmp_path / "帮扶.txt"
    path.write_text(ARTICLE, encoding="utf-8")
    return path


def kb(home: Home, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.root), *map(str, arguments)])


def test_what_is_added_is_found(home: Home, article: Path) -> None:
    """One command copies the file and indexes it; only its passages are embedded."""
    build(home, HashEncoder())
    added = kb(home, "add", article)
    assert added.exit_code == 0, added.stderr
    lines = added.stdout.splitlines()
    assert lines[0] == f"added       {document_id('帮扶.txt')} 帮扶.txt"
    assert "passages    11 (2 embedded now)" in lines
    assert "unchanged   3" in lines
    assert (home.documents / "帮扶.txt").read_text(encoding="utf-8") == ARTICLE
    assert "工会开展消费帮扶活动" in kb(home, "search", "消费帮扶", "-k", "1").stdout


def test_json_tells_what_was_added_refused_and_built(
    home: Home, article: Path, tmp_path: Path
) -> None:
    """One object; the good file is in although another is refused, and the status is 1."""
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF-1.4 nonsense")
    twin = tmp_path / "twin.txt"
    twin.write_text(REPORTS["union.txt"], encoding="utf-8")
    result = kb(home, "add", "--json", scan, article, twin)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["added"] == [{"id": document_id("帮扶.txt"), "name": "帮扶.txt"}]
    assert told["refused"] == [
        "cannot read scan.pdf: it is a broken PDF",
        "cannot add twin.txt: the library has it as union.txt",
    ]
    assert told["build"]["documents"] == 4
    assert told["build"]["generation"] == generation.current(home)
    assert not (home.documents / "scan.pdf").exists()


def test_a_disk_that_fails_at_one_file_keeps_the_others(
    home: Home, article: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in is said and indexed, whatever became of the rest; the status is 1."""
    other = tmp_path / "另.txt"
    other.write_text("另一份\n\n正文。\n", encoding="utf-8")
    write = kb_changing._write

    def full(target: Path, data: bytes) -> None:
        if target.name == "另.txt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(target, data)

    monkeypatch.setattr(kb_changing, "_write", full)
    result = kb(home, "add", article, other)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == f"added       {document_id('帮扶.txt')} 帮扶.txt"
    assert "Error: storage failed at" in result.stderr
    with closing(Searcher.open(home, HashEncoder())) as searcher:
        assert len(searcher.documents) == 4


def test_without_build_the_next_step_is_said(home: Home, article: Path) -> None:
    """`--no-build` only changes the folder."""
    result = kb(home, "add", "--no-build", article)
    assert result.exit_code == 0
    assert result.stdout == f"added       {document_id('帮扶.txt')} 帮扶.txt\n"
    assert result.stderr == "The index does not know of it yet: run 'kb build'\n"
    assert generation.current(home) is None


@pytest.mark.parametrize("wanted", [document_id("sports.txt"), "sports.txt"])
def test_what_is_removed_is_found_no_more(home: Home, wanted: str) -> None:
    """By id or by file name; the file and its passages are gone."""
    build(home, HashEncoder())
    result = kb(home, "remove", wanted)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"removed     {document_id('sports.txt')} sports.txt\n")
    assert not (home.documents / "sports.txt").exists()
    assert "健步走" not in kb(home, "search", "健步走").stdout


@pytest.mark.parametrize("wanted", [document_id("旧.doc"), "旧.doc"])
def test_what_is_listed_as_left_out_can_be_removed(home: Home, wanted: str) -> None:
    """By what the list calls it."""
    (home.documents / "旧.doc").write_bytes(b"old")
    assert f"{document_id('旧.doc')}  left out  旧.doc" in kb(home, "list").stdout
    assert kb(home, "remove", "--no-build", wanted).exit_code == 0
    assert not (home.documents / "旧.doc").exists()


@pytest.mark.parametrize("indexed", [False, True])
def test_a_folder_that_was_named_and_is_not_there_is_told(
    home: Home, tmp_path: Path, *, indexed: bool
) -> None:
    """Before the model is made, and in place of a list, be there an index of it or none."""
    if indexed:
        build(home, HashEncoder())
    nowhere = str(tmp_path / "nowhere")
    for command in ("list", "build"):
        result = CliRunner().invoke(
            main, ["--home", str(home.root), "--documents", nowhere, command]
        )
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: no readable document in {nowhere}:")


def test_an_unknown_id_is_one_line_and_nothing_is_built(home: Home) -> None:
    """Neither is a path that leads out of the library an id."""
    for wanted in ("none", "../home/CURRENT", ""):
        result = kb(home, "remove", wanted)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            f"Error: no document {wanted!r} in the index: see the list of documents\n"
        )
    assert generation.current(home) is None


@pytest.mark.parametrize("command", ["add", "remove"])
def test_a_folder_elsewhere_is_never_changed(
    home: Home, article: Path, tmp_path: Path, command: str
) -> None:
    """What `--documents` names is only read, and one line says so."""
    before = sorted(path.name for path in home.documents.iterdir())
    other = Home(tmp_path / "other", home.documents)
    argument = article if command == "add" else "union.txt"
    result = kb(other, "--documents", home.documents, command, argument)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: the documents in {home.documents} are only read, as --documents or KB_DOCUMENTS"
        " asks: change that folder yourself, then run 'kb build'\n"
    )
    assert sorted(path.name for path in home.documents.iterdir()) == before


def test_a_first_addition_joins_the_shipped_report(article: Path, tmp_path: Path) -> None:
    """Adding before anything else leaves out nothing that a first build would bring."""
    home = Home(tmp_path / "new", tmp_path / "new" / "documents")
    assert kb(home, "add", "--no-build", article).exit_code == 0
    names = [path.name for path in home.documents.iterdir()]
    assert sorted(names) == ["dongcheng-union-five-year-report.txt", "帮扶.txt"]


def test_a_library_that_is_gone_is_begun_anew_by_what_is_added(
    home: Home, article: Path, tmp_path: Path
) -> None:
    """Without the shipped report, which nobody asked for; the index before can be gone back to."""
    build(home, HashEncoder())
    home.documents.rename(tmp_path / "away")
    built = kb(home, "build")
    assert built.exit_code == 1
    assert "no readable document in" in built.stderr
    assert kb(home, "add", article).exit_code == 0
    assert [file.name for file in home.documents.iterdir()] == ["帮扶.txt"]
    assert kb(home, "rollback").exit_code == 0
    assert kb(home, "list").stdout.count("removed") == 3


def test_the_last_document_is_not_removed(home: Home) -> None:
    """The others are, and indexed; the line says what to do, and the status that all was not."""
    build(home, HashEncoder())
    result = kb(home, "remove", *REPORTS)
    assert result.exit_code == 1
    last = list(REPORTS)[-1]
    said = f"Error: cannot remove {last}, the only document: add another first"
    assert said in result.stderr.splitlines()
    assert [path.name for path in home.documents.iterdir()] == [last]
    with closing(Searcher.open(home, HashEncoder())) as searcher:
        assert [summary.name for summary in searcher.documents] == [last]


def test_a_library_emptied_by_hand_keeps_its_index(home: Home) -> None:
    """A folder that is not mounted costs no index; the line says that nothing was built."""
    build(home, HashEncoder())
    for file in home.documents.iterdir():
        file.unlink()
    result = kb(home, "build")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        f"Error: no readable document in {home.documents}: "
        "put a .docx, .pdf, .html, .md or .txt file there",
    )
    with closing(Searcher.open(home, HashEncoder())) as searcher:
        assert len(searcher.documents) == 3


def test_the_list_says_how_the_index_stands(home: Home, article: Path) -> None:
    """Indexed, changed, new, removed or left out, with title and reason."""
    build(home, HashEncoder())
    assert [line.split()[1] for line in kb(home, "list").stdout.splitlines()] == ["indexed"] * 3
    assert kb(home, "list").stderr == ""
    (home.documents / "union.txt").write_text("改了。", encoding="utf-8")
    (home.documents / "budget.md").unlink()
    (home.documents / "old.doc").write_bytes(b"x")
    kb(home, "add", "--no-build", article)
    result = kb(home, "list")
    assert result.stdout.splitlines() == [
        f"{document_id('budget.md')}  removed   budget.md  经费预算",
        f"{document_id('old.doc')}  left out  old.doc  its type .doc is not supported: "
        "save it as .docx or .pdf",
        f"{document_id('sports.txt')}  indexed   sports.txt  职工文体活动总结",
        f"{document_id('union.txt')}  changed   union.txt  五年工作报告",
        f"{document_id('帮扶.txt')}  new       帮扶.txt",
    ]
    assert result.stderr == "The index does not have all of it as it is: run 'kb build'\n"
    listed = json.loads(kb(home, "list", "--json").stdout)["documents"]
    assert [each["state"] for each in listed] == [
        "removed", "left out", "indexed", "changed", "new",
    ]  # fmt: skip
    assert listed[2]["indexed"]["title"] == "职工文体活动总结"
    assert listed[4]["indexed"] is None


def test_a_file_that_was_left_out_and_is_mended_has_changed(home: Home) -> None:
    """Left out is what is still as it was, or cannot be a document now either."""
    (home.documents / "empty.txt").touch()
    (home.documents / "mended.txt").write_text(" \n")
    (home.documents / "twin.txt").write_text(REPORTS["union.txt"], encoding="utf-8")
    (home.documents / "old.doc").write_bytes(b"x")
    build(home, HashEncoder())

    def states() -> dict[str, tuple[str, str | None]]:
        listed = json.loads(kb(home, "list", "--json").stdout)["documents"]
        return {each["name"]: (each["state"], each["reason"]) for each in listed}

    left_out = {
        "empty.txt": ("left out", "it is empty"),
        "old.doc": ("left out", "its type .doc is not supported: save it as .docx or .pdf"),
    }
    indexed = dict.fromkeys(REPORTS, ("indexed", None))
    empty = {"mended.txt": ("left out", "it holds no text")}
    assert states() == {
        **indexed,
        **left_out,
        **empty,
        "union.txt": ("left out", "it has the same content as twin.txt"),
        "twin.txt": ("indexed", None),
    }
    (home.documents / "mended.txt").write_text("补好了。", encoding="utf-8")
    (home.documents / "twin.txt").unlink()
    (home.documents / "sports.txt").write_text(REPORTS["budget.md"], encoding="utf-8")
    assert states() == {
        **left_out,
        "budget.md": ("indexed", None),
        "mended.txt": ("changed", None),
        "sports.txt": ("changed", "it has the same content as budget.md"),
        "twin.txt": ("removed", None),
        "union.txt": ("changed", None),
    }
    assert "changed since the build: mended.txt" in kb(home, "doctor").stdout
    build(home, HashEncoder())
    assert states()["mended.txt"] == ("indexed", None)


def test_a_file_that_may_not_be_opened_stays_left_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as nothing can be known of what is in it."""
    secret = home.documents / "secret.txt"
    secret.write_text("秘密。", encoding="utf-8")
    path_open = Path.open

    def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == secret:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return path_open(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        build(home, HashEncoder())
        assert "left out  secret.txt  permission denied" in kb(home, "list").stdout
    assert "changed   secret.txt" in kb(home, "list").stdout


def test_an_empty_home_has_an_empty_list(tmp_path: Path) -> None:
    """Nothing fails, and nothing is written."""
    home = Home(tmp_path / "new", tmp_path / "new" / "documents")
    assert (kb(home, "list").exit_code, kb(home, "list").output) == (0, "")
    assert not home.root.exists()
