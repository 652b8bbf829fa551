"""The shipped report, pinned: its outline, its counts, its joins, some passages."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from index import generation
from index.home import Home
from kb.changing import install_shipped
from kb.library import find, load
from kb.passages import cut
from kb.types import Document, Passage

RAW = Path(__file__).parents[1] / "kb/reports/dongcheng-union-five-year-report.txt"


@pytest.fixture(scope="module")
def report() -> Document:
    (source,) = find(RAW.parent).sources
    return load(source)


@pytest.fixture(scope="module")
def passages(report: Document) -> tuple[Passage, ...]:
    return cut(report)


def test_the_shipped_file_is_the_one_that_was_given() -> None:
    digest = hashlib.sha256(RAW.read_bytes()).hexdigest()
    assert digest == "feffd840f7063af3b1f5471f7fa88f140e4ce1188c335f67d9386a8838f967f8"


def test_only_three_layout_breaks_are_joined(report: Document) -> None:
    raw = RAW.read_text(encoding="utf-8")
    joined = raw
    for left, right in (("突出、", "群众认可"), ("加大", "帮扶力度"), ("劳动", "保护等工作")):
        joined = joined.replace(f"{left}\n\n{right}", left + right)
    assert report.text == joined
    assert len(raw) - len(report.text) == 6


def test_the_outline_is_the_reports_own(report: Document) -> None:
    assert report.title == "使命在肩 接续奋斗 为建设美丽东城凝聚磅礴力量"
    assert [(s.kind, s.level, s.title) for s in report.outline] == [
        ("title", 0, "使命在肩 接续奋斗 为建设美丽东城凝聚磅礴力量"),
        ("title", 0, "——东城区总工会五年工作回顾及未来五年工作展望"),
        ("title", 0, "□韩悦"),
        ("lead", 1, "导语"),
        ("part", 1, "过去五年:全力履职 不负重托"),
        ("section", 2, "坚持党的领导 铸牢理想信念 强化职工思想政治引领"),
        ("section", 2, "服务发展大局 凝聚强大合力 为建设美丽东城打牢基础"),
        ("section", 2, "聚焦主责主业 坚持精准施策 维护和服务职工工作水平不断提升"),
        ("section", 2, "坚持问题导向 持续深化改革 党建引领激发工会组织活力"),
        ("captions", 1, "图片说明(一)"),
        ("part", 1, "今后五年:新任务 新担当"),
        ("lead", 2, "(引言)"),
        ("run_in", 2, "锲而不舍抓党建"),
        ("run_in", 2, "广泛开展劳动技能竞赛"),
        ("run_in", 2, "积极搭建劳模成长平台"),
        ("run_in", 2, "健全职工维权机制"),
        ("run_in", 2, "完善职工服务体系"),
        ("run_in", 2, "加大工会改革创新力度"),
        ("run_in", 2, "加大建会建家工作力度"),
        ("captions", 1, "图片说明(二)"),
    ]


def test_the_outline_has_the_given_spans(report: Document, shared: Path) -> None:
    golden = json.loads((shared / "golden/outline.json").read_text(encoding="utf-8"))
    joins: list[tuple[int, int]] = [
        (j["left_end"], j["right_start"]) for g in golden for j in g.get("joins", ())
    ]

    def canonical(offset: int) -> int:
        return offset - sum(right - left for left, right in joins if offset >= right)

    def whole(spans: list[list[int]]) -> tuple[tuple[int, int], ...]:
        merged: list[tuple[int, int]] = []
        for start, end in ((canonical(a), canonical(b)) for a, b in spans):
            joined = merged and merged[-1][1] == start
            merged.append((merged.pop()[0] if joined else start, end))
        return tuple(merged)

    assert [(s.start, s.end, s.heading, s.body, s.path) for s in report.outline] == [
        (
            canonical(g["start"]),
            canonical(g["end"]),
            whole([g["heading"]])[0] if g["heading"] else None,
            whole(g["body"]),
            tuple(g["path"]),
        )
        for g in golden
    ]


def test_it_has_36_passages(passages: tuple[Passage, ...]) -> None:
    kinds = [passage.kind for passage in passages]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "title": 3,
        "lead": 2,
        "section": 10,
        "captions": 14,
        "run_in": 7,
    }


def test_first_middle_and_last_passage_are_these(passages: tuple[Passage, ...]) -> None:
    assert passages[0].text == "使命在肩 接续奋斗 为建设美丽东城凝聚磅礴力量"
    assert passages[0].headings == ()
    shelter = next(p for p in passages if "暖心驿站1269家" in p.text)
    assert shelter.headings == (
        "过去五年:全力履职 不负重托",
        "坚持问题导向 持续深化改革 党建引领激发工会组织活力",
    )
    assert shelter.text.startswith("东城区总工会开展建会工作成绩斐然。")
    assert passages[-1].text == "东城区第八届“挥笔聚焦新东城”职工书画摄影展"
    assert passages[-1].headings == ("图片说明(二)",)


def test_the_sentence_that_stops_short_is_left_as_it_is(passages: tuple[Passage, ...]) -> None:
    assert any(passage.text.endswith("区总工会、街道总工会配备") for passage in passages)


def test_clauses_are_short_and_whole(passages: tuple[Passage, ...]) -> None:
    clauses = [clause.text for passage in passages for clause in passage.clauses]
    assert len(clauses) == 148
    assert max(map(len, clauses)) == 56
    assert (
        "为快递小哥、外卖送餐员、环卫工人等户外劳动者提供饮水、热饭、充电、休息等暖心服务,"
        in clauses
    )


def test_it_is_installed_once_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "documents"
    install_shipped(folder)
    assert (folder / RAW.name).read_bytes() == RAW.read_bytes()
    (folder / RAW.name).unlink()
    install_shipped(folder)
    assert list(folder.iterdir()) == []
    left = sorted(path.name for path in folder.parent.iterdir())
    assert left == ["documents", "documents.lock"]


def test_a_sweep_meanwhile_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that begins while another process installs the report leaves its draft alone."""
    home = Home(tmp_path / "home", tmp_path / "home" / "documents")
    home.generations.mkdir(parents=True)
    rename = Path.rename

    def swept(path: Path, target: Path) -> Path:
        generation.sweep(home)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", swept)
    install_shipped(home.documents)
    assert [path.name for path in home.documents.iterdir()] == [RAW.name]


def test_what_a_dead_process_left_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a folder of one that was killed is gone with the next installation."""
    folder = tmp_path / "documents"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(Path, "rename", _killed)
        with pytest.raises(KeyboardInterrupt):
            install_shipped(folder)
    assert len(list(tmp_path.glob(".documents.*"))) == 1
    install_shipped(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["documents", "documents.lock"]
    assert [path.name for path in folder.iterdir()] == [RAW.name]


def _killed(*_: object) -> Path:
    raise KeyboardInterrupt
