"""Any report: every format gives the same answers, folders of many, bad files among good ones."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import docx
import pytest

from index.build import Progress, build
from index.encoder import Encoder
from index.home import Home
from index.search import Searcher
from tests.data.same_report import write_all
from tests.fakes import HashEncoder
from tests.test_kb_refusals import BAD, BODY, good_docx
from web.terminal import build_summary

ROOT = Path(__file__).parents[1]
FORMATS = (".txt", ".md", ".html", ".docx", ".pdf")


def first_hits(searcher: Searcher, questions: list[str]) -> list[str]:
    """The first passage of each question, letters alone: formats break and space lines apart."""
    hits = [searcher.search(question, k=1).hits[0] for question in questions]
    return ["".join(hit.passage.text.removeprefix("# ").split()) for hit in hits]


@pytest.fixture(scope="module")
def answers(
    real_encoder: Encoder, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What the shipped report, in each format, answers to the judged questions."""
    folder = tmp_path_factory.mktemp("formats")
    lines = (shared / "golden/questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    found = {}
    for suffix, path in write_all(folder / "all").items():
        alone = folder / suffix[1:]
        alone.mkdir()
        path.rename(alone / path.name)
        home = Home(folder / "home", alone)  # one home: vectors of equal passages are taken over
        build(home, real_encoder)
        with closing(Searcher.open(home, real_encoder)) as searcher:
            found[suffix] = first_hits(searcher, questions)
    return found


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS[1:])
def test_every_format_gives_the_same_first_hits(answers: dict[str, list[str]], suffix: str) -> None:
    """Whichever format a report comes in, a question finds the same passage first."""
    assert len(answers[".txt"]) > 50
    pairs = zip(answers[".txt"], answers[suffix], strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


@pytest.fixture(scope="module")
def provincial(shared: Path) -> list[Path]:
    """Sixteen government work reports, as Word files."""
    files = sorted((shared / "collections/reports-provincial-2025/docx").glob("*.docx"))
    assert len(files) == 16
    return files


def shelved(root: Path, files: list[Path]) -> Home:
    """A home whose library holds copies of `files`."""
    home = Home(root, root / "documents")
    home.documents.mkdir(parents=True)
    for file in files:
        (home.documents / file.name).write_bytes(file.read_bytes())
    return home


def abridge(file: Path, kept: str) -> None:
    """Leave a few paragraphs of a Word file, those that hold certain words among them."""
    document = docx.Document(str(file))
    for number, paragraph in enumerate(document.paragraphs):
        if number % 9 and kept not in paragraph.text:
            paragraph._p.getparent().remove(paragraph._p)
    document.save(str(file))


def amend(file: Path) -> None:
    """Add a paragraph to a Word file."""
    document = docx.Document(str(file))
    document.add_paragraph("本报告附件另行印发,由省政府办公厅负责解释,自印发之日起施行。")
    document.save(str(file))


# a question, the report that answers it, words of the answer
ANSWERS = (
    ("自由贸易港什么时候全岛封关", "hainan", "封关"),
    ("川渝两地双城经济圈建设", "chongqing", "双城经济圈"),
    ("合肥的国家科学中心有哪些平台", "anhui", "国家科学中心"),
)


PROVINCES = {
    "anhui": "安徽", "chongqing": "重庆", "gansu": "甘肃", "guangxi": "广西", "hainan": "海南",
    "heilongjiang": "黑龙江", "hubei": "湖北", "jiangsu": "江苏", "jilin": "吉林",
    "neimenggu": "内蒙古", "qinghai": "青海", "shandong": "山东", "shanxi": "山西",
    "tianjin": "天津", "xizang": "西藏", "zhejiang": "浙江",
}  # fmt: skip
TOPICS = ("粮食产量", "农牧民收入增长", "养老服务", "高等教育", "招商引资", "就业", "安全生产")


@pytest.mark.shared
def test_a_folder_of_sixteen_reports_is_built_in_one_go(
    provincial: list[Path], tmp_path: Path
) -> None:
    """With progress by document and passage, a summary, and only what changed encoded again."""
    home, encoder = shelved(tmp_path / "home", provincial), HashEncoder()
    steps: list[Progress] = []
    report = build(home, encoder, progress=steps.append)
    assert report.skipped == ()
    assert report.changes.added == tuple(file.name for file in provincial)
    assert (report.counts.documents, report.encoded) == (16, report.counts.passages)
    assert [step.done for step in steps if step.stage == "read"] == [*range(17), 16]
    encoding = [step.done for step in steps if step.stage == "encode"]
    assert encoding == sorted(encoding)
    assert encoding[-1] == report.counts.passages
    assert f"documents   16\nsections    {report.counts.sections}\n" in build_summary(report)

    amend(home.documents / provincial[3].name)
    encoder.calls.clear()
    again = build(home, encoder)
    assert again.changes.changed == (provincial[3].name,)
    assert len(again.changes.unchanged) == 15
    assert again.counts.passages - report.counts.passages in {0, 1}
    assert again.encoded <= 2
    assert sum(texts for _, texts in encoder.calls) < 60

    with closing(Searcher.open(home, encoder)) as searcher:
        for question, province, _ in ANSWERS:
            first = searcher.search(question, mode="lexical").hits[0]
            assert province in first.document.name, question
        found = [
            file in searcher.search(f"{name}的{topic}", k=1, mode="lexical").hits[0].document.name
            for file, name in PROVINCES.items()
            for topic in TOPICS
        ]
    # their passages seldom name the province: it stands in the title
    assert sum(found) / len(found) > 0.85


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.shared
def test_a_change_to_one_of_many_reports_costs_little(
    provincial: list[Path], real_encoder: Encoder, tmp_path: Path
) -> None:
    """By the real model: a small fraction of its time, and the one that answers comes first."""
    words = {file: w for file in provincial for _, name, w in ANSWERS if name in file.name}
    chosen = list(words)
    home = shelved(tmp_path / "home", chosen)
    for file, kept in words.items():
        abridge(home.documents / file.name, kept)
    report = build(home, real_encoder)
    amend(home.documents / chosen[0].name)
    again = build(home, real_encoder)
    # reading takes as long as before, on many cores most of the time
    whole, took = (dict(each.seconds)["encode"] for each in (report, again))
    print(f"{report.counts.clauses} clauses: {whole:.1f} s, after one change {took:.1f} s")
    assert again.encoded <= 2
    assert took < whole / 4
    with closing(Searcher.open(home, real_encoder)) as searcher:
        for question, province, _ in ANSWERS:
            assert province in searcher.search(question).hits[0].document.name, question


MEASURED = """
import resource, sys
import index.encoder
from tests.fakes import HashEncoder
index.encoder.load_encoder = lambda *_: HashEncoder()
from web.cli import main
try:
    main(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def build_by_command(home: Home) -> tuple[dict[str, object], int]:
    """What `kb build --json` prints, and its peak memory in MB."""
    command = [sys.executable, "-c", MEASURED, "--home", str(home.root), "build", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), int(done.stderr.split()[-1])


@pytest.fixture
def mixed(tmp_path: Path) -> Home:
    """Two good files among every kind of bad one."""
    home = Home(tmp_path / "home", tmp_path / "home/documents")
    home.documents.mkdir(parents=True)
    (home.documents / "good.docx").write_bytes(good_docx())
    (home.documents / "good.txt").write_text(f"{BODY}好。", encoding="utf-8")
    (home.documents / "twin.txt").write_text(f"{BODY}好。", encoding="utf-8")
    return home


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is in kilobytes on Linux alone")
def test_bad_files_are_named_and_the_good_ones_searched(mixed: Home) -> None:
    """Each with its reason, a second copy as such; bombs take next to no memory."""
    _, without = build_by_command(mixed)
    for name, (data, _) in BAD.items():
        (mixed.documents / name).write_bytes(data)
    report, peak = build_by_command(mixed)
    print(f"peak memory {peak} MB with the bad files, {without} MB without")
    assert isinstance(report["skipped"], list)
    reasons = {each["name"]: each["reason"] for each in report["skipped"]}
    assert reasons.pop("twin.txt") == "it has the same content as good.txt"
    assert set(reasons) == set(BAD)
    assert {name for name in BAD if BAD[name][1] not in reasons[name]} == set()
    assert report["unchanged"] == ["good.docx", "good.txt"]
    assert peak < without + 150
    with closing(Searcher.open(mixed, HashEncoder())) as searcher:
        names = {hit.document.name for hit in searcher.search("服务职工").hits}
        assert {each.name: each.reason for each in searcher.skipped}.keys() >= set(BAD)
    assert names == {"good.docx", "good.txt"}
