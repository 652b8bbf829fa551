"""The command `kb`: what it prints, where, and with which status it ends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import click
import pytest
from click.testing import CliRunner, Result

import index.encoder
from index import generation
from index.build import Progress, build
from index.home import Home
from index.store import VERSION
from tests.fakes import HashEncoder
from web.cli import main
from web.terminal import Steps

COMMANDS = [
    "serve", "build", "search", "eval", "rollback", "copy", "doctor", "add", "remove", "list",
]  # fmt: skip


@pytest.fixture(autouse=True)
def fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake encoder stands in for the model, and the environment leads nowhere."""
    monkeypatch.setattr(index.encoder, "load_encoder", lambda *_: HashEncoder())
    monkeypatch.setattr(index.encoder, "name_to_be", lambda *_: HashEncoder().name)
    monkeypatch.delenv("KB_HOME", raising=False)


def _kb(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _last_line(text: str) -> str:
    return text.rstrip("\n").rpartition("\n")[2]


def test_help_names_every_command() -> None:
    """`kb --help` lists them, and each has a help of its own."""
    assert sorted(main.commands) == sorted(COMMANDS)
    for command in COMMANDS:
        result = _kb(command, "--help")
        assert result.exit_code == 0
        assert "--home DIR" in result.stdout
        assert "--documents DIR" in result.stdout


LIGHT = """
import sys
from web.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
heavy = {{"torch", "transformers", "sentence_transformers", "flask", "pydantic"}} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_tells_each_command_in_a_whole_sentence() -> None:
    """No line of the list ends where the terminal does; exit statuses are told."""
    text = _kb("--help").stdout
    listed = text.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
    assert "0 done, 1 failed" in text


def test_copy_names_the_option_that_is_wrong(home: Home) -> None:
    """A store that is none was named with `--to`, not in the environment."""
    result = _kb("--home", home.root, "copy", "--to", "milvus://nowhere")
    assert result.exit_code == 2
    assert "--to: 'milvus://nowhere' is neither 'local' nor an address such as" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["search", "--help"], ["doctor"]])
def test_help_and_doctor_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """Neither the model's libraries nor the server's, so that they come at once."""
    if arguments == ["doctor"]:
        arguments = ["--home", str(tmp_path), "doctor"]
    code = LIGHT.format(arguments=arguments)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


ANSWERING = """
import sys, time
from pathlib import Path
from index.encoder import load_encoder
from index.home import Home
from web import create_app
from web.live import Live
home = Home(Path(sys.argv[1]), Path(sys.argv[1]) / "documents")
live = Live(home, lambda: load_encoder(home))
live.start()
client = create_app(live).test_client()
while client.get("/readyz").status_code != 200:
    time.sleep(0.05)
assert client.get("/api/search?q=暖心驿站").json["hits"]
heavy = {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
assert not heavy, heavy
live.stop()
"""


@pytest.mark.model
def test_a_server_that_only_answers_does_not_load_torch(real_home: Home) -> None:
    """It takes seconds and hundreds of MB."""
    command = [sys.executable, "-c", ANSWERING, str(real_home.root)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_build_tells_what_it_did(home: Home) -> None:
    """Counts, changes, what was skipped and why, and the seconds of each stage."""
    (home.documents / "broken.txt").write_bytes(b"\0\1\2" * 99)
    first = _kb("--home", home.root, "build")
    assert first.exit_code == 0
    lines = first.stdout.splitlines()
    assert lines[0] == f"generation  {generation.current(home)}"
    assert lines[1:5] == [
        "documents   3",
        "sections    9",
        "passages    9 (9 embedded now)",
        "clauses     12",
    ]
    assert lines[5:9] == [
        "added       budget.md",
        "added       sports.txt",
        "added       union.txt",
        "unchanged   0",
    ]
    assert lines[9].startswith("skipped     broken.txt: ")
    assert re.fullmatch(
        r"seconds     read [\d.]+, encode [\d.]+, index [\d.]+, verify [\d.]+, publish [\d.]+",
        lines[10],
    )
    assert first.stderr.splitlines()[0] == "Reading documents: 4 of 4"


def test_build_json_is_one_object(home: Home) -> None:
    """With `--json` stdout holds the report alone, also of a changed library."""
    build(home, HashEncoder())
    (home.documents / "sports.txt").unlink()
    (home.documents / "union.txt").write_text("别的\n\n别的内容在这里。\n", encoding="utf-8")
    result = _kb("build", "--json", "--home", home.root)
    report = json.loads(result.stdout)
    assert list(report.pop("seconds")) == ["read", "encode", "index", "verify", "publish"]
    assert report == {
        "generation": generation.current(home),
        "documents": 2,
        "sections": report["sections"],
        "passages": report["passages"],
        "clauses": report["clauses"],
        "encoded": 2,
        "added": [],
        "changed": ["union.txt"],
        "removed": ["sports.txt"],
        "unchanged": ["budget.md"],
        "skipped": [],
    }


def test_search_prints_path_place_and_passage(home: Home) -> None:
    """A hit is two lines: where it stands, and the passage verbatim."""
    build(home, HashEncoder())
    result = _kb("search", "快递小哥", "-k", "1", "--home", home.root)
    assert (result.exit_code, result.stderr) == (0, "")
    where, text = result.stdout.splitlines()
    assert re.fullmatch(
        r"1\. 五年工作报告 > 二、服务户外劳动者 \[paragraph 6, 95–144\] 0\.\d{3}", where
    )
    assert text.startswith("在主要街道临街店铺建立暖心驿站")


def test_search_sets_the_evidence_in_bold(home: Home) -> None:
    """On a terminal the clause that answers stands out; nothing is lost around it."""
    build(home, HashEncoder())
    result = CliRunner().invoke(
        main, ["search", "快递小哥", "-k", "1", "--home", str(home.root)], color=True
    )
    text = result.stdout.splitlines()[1]
    evidence = "为快递小哥、外卖送餐员、环卫工人提供饮水、热饭、充电、休息等服务。"
    assert text.endswith(click.style(evidence, bold=True))
    assert click.unstyle(text).startswith("在主要街道临街店铺建立暖心驿站")


@pytest.mark.parametrize("charset", ["gbk", "latin-1", "ascii"])
def test_characters_that_an_output_lacks_end_nothing(home: Home, charset: str) -> None:
    """They are written as escapes, in JSON such as it has; the rest stands as it is."""
    text = "第一份\n\n会议😀通知𠀀各单位。\n"
    (home.documents / "a.txt").write_text(text, encoding="utf-8")
    build(home, HashEncoder())
    runner = CliRunner(charset=charset)
    asked = ["--home", str(home.root), "search", "会议通知", "-k", "1"]
    shown = runner.invoke(main, asked)
    assert (shown.exit_code, shown.exception) == (0, None)
    if charset == "gbk":
        assert "会议\\U0001f600通知\\U00020000各单位。" in shown.stdout
    as_json = runner.invoke(main, [*asked, "--json"])
    assert json.loads(as_json.stdout)["hits"][0]["passage"]["text"] == "会议😀通知𠀀各单位。"
    assert runner.invoke(main, ["--home", str(home.root), "list"]).exit_code == 0


def test_a_document_orders_no_terminal_about(home: Home) -> None:
    """Control characters of a text or a name, and what turns its direction, are shown as such."""
    text = "<h1>色彩</h1><p>正文&#27;[31m红色&#x9b;2J工会&#x202e;改革&#7;。</p>"
    (home.documents / "a\x1b[2Jb.html").write_text(text, encoding="utf-8")
    built = CliRunner().invoke(main, ["--home", str(home.root), "build"], color=True)
    assert "added       a\ufffd[2Jb.html" in built.stdout
    found = CliRunner().invoke(
        main, ["--home", str(home.root), "search", "红色", "-k", "1"], color=True
    )
    shown = click.unstyle(found.stdout)
    assert "正文\ufffd[31m红色" in shown
    assert all(c.isprintable() or c in "\n\ufffd" for c in shown)


def test_json_orders_no_terminal_about_and_loses_nothing(home: Home) -> None:
    """What cannot be printed stands there as an escape, and is what it was when it is read."""
    text = "<h1>色彩</h1><p>正文&#27;[31m红色\x9b2J工会&#x202e;改革&#x2028;&#xe0041;&#7;。</p>"
    (home.documents / "a.html").write_text(text, encoding="utf-8")
    build(home, HashEncoder())
    printed = _kb("search", "红色", "-k", "1", "--json", "--home", home.root).stdout
    assert all(c.isprintable() for c in printed.removesuffix("\n"))
    [hit] = json.loads(printed)["hits"]
    assert hit["passage"]["text"].startswith("正文\x1b[31m红色\x9b2J工会\u202e改革")
    assert "\U000e0041" in hit["passage"]["text"]


def test_search_json_is_the_answer_of_the_endpoint(home: Home) -> None:
    """The same words as the API."""
    build(home, HashEncoder())
    result = _kb("search", "职工", "-k", "2", "--mode", "lexical", "--json", "--home", home.root)
    answer = json.loads(result.stdout)
    assert list(answer) == ["query", "mode", "generation", "took_ms", "weak", "within", "hits"]
    assert (answer["query"], answer["mode"]) == ("职工", "lexical")
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2]


def test_home_may_stand_before_or_after_the_command(home: Home, tmp_path: Path) -> None:
    """The one nearer to the end of the line wins."""
    build(home, HashEncoder())
    lines: list[list[str | Path]] = [
        ["--home", home.root, "search", "职工"],
        ["search", "职工", "--home", home.root],
        ["--home", tmp_path / "none", "search", "职工", "--home", home.root],
    ]
    for line in lines:
        assert _kb(*line).exit_code == 0
    assert _kb("--home", home.root, "search", "职工", "--home", tmp_path / "none").exit_code == 1


def test_documents_may_be_a_folder_elsewhere(home: Home, tmp_path: Path) -> None:
    """`--documents` is read and never written to."""
    before = sorted(path.name for path in home.documents.iterdir())
    result = _kb("build", "--json", "--home", tmp_path / "new", "--documents", home.documents)
    assert json.loads(result.stdout)["added"] == before
    assert sorted(path.name for path in home.documents.iterdir()) == before
    assert not (tmp_path / "new" / "documents").exists()


WRONG = [
    [],
    ["nothing"],
    ["search"],
    ["search", " "],
    ["search", "a\0b"],
    ["search", "x" * 1001],
    ["search", "a", "-k", "0"],
    ["search", "a", "-k", "101"],
    ["search", "a", "--mode", "magic"],
    ["serve", "--port", "70000"],
    ["build", "--nothing"],
    ["eval", "/no/such/file"],
    ["search", "a", "--document", ""],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    """What was typed wrongly is said on stderr, and nothing on stdout."""
    result = _kb(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_a_failure_is_one_line_and_status_1(home: Home, tmp_path: Path) -> None:
    """It says what to do next."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, said in (
        (["search", "a"], f"Error: no index in {home.root}: run 'kb build'"),
        (["eval", __file__], f"Error: no index in {home.root}: run 'kb build'"),
        (["rollback"], f"Error: no index in {home.root}: run 'kb build'"),
        (
            ["build", "--documents", empty],
            f"Error: no readable document in {empty}: "
            "put a .docx, .pdf, .html, .md or .txt file there",
        ),
    ):
        result = _kb("--home", home.root, *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert _last_line(result.stderr) == said


def test_an_unknown_document_is_status_1(home: Home) -> None:
    """An id that the index does not know is named."""
    build(home, HashEncoder())
    result = _kb("search", "a", "--document", "none", "--home", home.root)
    assert result.exit_code == 1
    assert "no document 'none' in the index" in result.stderr


def test_a_disk_error_is_one_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says stands in the line, with the file."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/disk/file")

    monkeypatch.setattr("index.build.build", full)
    result = _kb("build", "--home", home.root)
    assert (result.exit_code, result.stderr) == (1, "Error: /disk/file: No space left on device\n")


def test_eval_prints_figures(home: Home, tmp_path: Path) -> None:
    """The questions of a file, as a table or as JSON, with the misses when asked for."""
    build(home, HashEncoder())
    questions = tmp_path / "questions.jsonl"
    lines = [
        {"id": "a", "question": "快递小哥", "kind": "topic", "evidence": ["为快递小哥"]},
        {"id": "b", "question": "快递小哥", "kind": "topic", "evidence": ["全年收入2573万元"]},
        {"id": "c", "question": "红烧肉", "kind": "none", "evidence": []},
    ]
    questions.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    result = _kb("eval", questions, "--json", "--misses", "--home", home.root)
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert (figures["n"], figures["R@1"], figures["kinds"]["topic"]["n"]) == (2, 0.5, 2)
    assert [miss["id"] for miss in figures["misses"]] == ["b"]
    table = _kb("eval", questions, "--misses", "--home", home.root).stdout
    assert "R@1" in table
    assert "\nb\t" in table


def test_rollback_names_what_serves_now(home: Home) -> None:
    """The previous generation is current again."""
    first = build(home, HashEncoder()).generation
    build(home, HashEncoder())
    result = _kb("rollback", "--home", home.root)
    assert (result.exit_code, result.stdout) == (0, f"{first}\n")
    assert generation.current(home) == first


def _doctor(home: Home) -> tuple[int, dict[str, dict[str, str]]]:
    result = _kb("doctor", "--json", "--home", home.root)
    report = json.loads(result.stdout)
    assert report["ok"] is (result.exit_code == 0)
    return result.exit_code, {check["name"]: check for check in report["checks"]}


def test_an_ipv6_address_may_be_written_as_in_urls(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In brackets it is the same loopback address, not one of other machines."""
    hosts: list[str] = []
    monkeypatch.setattr("web.serving.serve", lambda _home, host, *_: hosts.append(host))
    for host in ("[::1]", "::1", "127.0.0.1"):
        assert _kb("serve", "--host", host, "--home", home.root).exit_code == 0
    assert hosts == ["::1", "::1", "127.0.0.1"]


def test_doctor_names_a_home_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be kept there, nor below it."""
    file = tmp_path / "file"
    file.touch()
    for home in (file, file / "below"):
        monkeypatch.setenv("KB_HOME", str(home))
        result = _kb("doctor", "--json")
        assert result.exit_code == 1
        assert {
            "name": "home",
            "verdict": "failed",
            "detail": f"{file} is not a folder",
            "remedy": "choose another with --home",
        } in json.loads(result.stdout)["checks"]


def test_doctor_names_a_library_without_documents(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to do depends on whose folder it is."""
    for file in home.documents.iterdir():
        file.unlink()
    for root, remedy in (
        (home.root, "add one with 'kb add FILE'"),
        (tmp_path / "other", "put a report there"),
    ):
        monkeypatch.setenv("KB_DOCUMENTS", str(home.documents))
        status, checks = _doctor(Home(root, home.documents))
        assert status == 1
        assert checks["documents"] == {
            "name": "documents",
            "verdict": "failed",
            "detail": f"0 in {home.documents}",
            "remedy": remedy,
        }


def test_doctor_warns_of_a_disk_with_little_room_or_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there can still be searched, which is no failure."""
    build(home, HashEncoder())
    monkeypatch.setattr("web.doctor.FREE_BYTES", 1 << 60)
    status, checks = _doctor(home)
    told = checks["home"]
    assert (status, told["verdict"], told["remedy"]) == (0, "warning", "keep 1073741824 GB free")
    assert re.fullmatch(rf"{re.escape(str(home.root))}, [\d.]+ GB free", told["detail"])
    monkeypatch.setattr("os.access", lambda path, _mode: path != home.root)
    status, checks = _doctor(home)
    assert status == 0
    assert checks["home"] == {
        "name": "home",
        "verdict": "warning",
        "detail": f"{home.root} is read-only",
        "remedy": "searching works; to build, choose another with --home",
    }


def test_doctor_finds_all_well(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an index of the documents as they are, nothing is to be done."""
    monkeypatch.setattr("web.doctor.FREE_BYTES", 1)  # however small the disk of the tests is
    build(home, HashEncoder())
    status, checks = _doctor(home)
    assert status == 0
    assert list(checks) == [
        "machine", "packages", "home", "documents", "model", "store",
        "index", "changes", "rollback",
    ]  # fmt: skip
    assert {name: check["verdict"] for name, check in checks.items()} == dict.fromkeys(checks, "ok")
    assert checks["documents"]["detail"] == f"3 in {home.documents}"
    text = _kb("doctor", "--home", home.root).stdout
    assert text.splitlines()[3] == f"ok       documents: 3 in {home.documents}"


def test_doctor_names_the_damaged_file(home: Home) -> None:
    """Which file, and what to do."""
    name = build(home, HashEncoder()).generation
    file = generation.folder(home, name) / "texts.sqlite"
    file.write_bytes(file.read_bytes()[:-1])
    status, checks = _doctor(home)
    assert status == 1
    assert checks["index"]["verdict"] == "failed"
    assert str(file) in checks["index"]["detail"]
    assert "kb build --force" in checks["index"]["detail"]


def test_doctor_names_an_index_of_another_version(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing opens it, and the remedy is the one that opening it tells."""
    name = build(home, HashEncoder()).generation
    monkeypatch.setattr("index.store.VERSION", 99)
    status, checks = _doctor(home)
    assert status == 1
    assert checks["index"]["verdict"] == "failed"
    assert checks["index"]["detail"] == (
        f"index file {generation.folder(home, name) / 'manifest.json'} is damaged"
        f" (it is of version {VERSION}, not 99): run 'kb build --force'"
    )


def test_doctor_only_warns_of_what_is_kept_for_rollback(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What serves is whole; of an earlier version is the one that was kept before a new one."""
    with monkeypatch.context() as earlier:
        for place in ("index.store", "index.build"):
            earlier.setattr(f"{place}.VERSION", VERSION - 1)
        kept = generation.folder(home, build(home, HashEncoder()).generation)
    build(home, HashEncoder())
    status, checks = _doctor(home)
    assert (status, checks["index"]["verdict"]) == (0, "ok")
    assert checks["rollback"] == {
        "name": "rollback",
        "verdict": "warning",
        "detail": f"{kept / 'manifest.json'}: it is of version {VERSION - 1}, not {VERSION}",
        "remedy": "'kb build --force' makes one to go back to",
    }


def test_doctor_names_an_index_of_another_encoder(home: Home) -> None:
    """As opening it would, and without loading the model."""
    build(home, HashEncoder("another 1"))
    status, checks = _doctor(home)
    assert status == 1
    assert checks["index"] == {
        "name": "index",
        "verdict": "failed",
        "detail": "the index was built by another 1, the encoder here is hash-encoder 1:"
        " run 'kb build'",
        "remedy": None,
    }


def test_doctor_sees_what_changed_since_the_build(home: Home) -> None:
    """Added, changed and removed documents are named, with the remedy."""
    build(home, HashEncoder())
    (home.documents / "new.txt").write_text("新文件。", encoding="utf-8")
    (home.documents / "union.txt").write_text("改了。", encoding="utf-8")
    (home.documents / "budget.md").unlink()
    status, checks = _doctor(home)
    assert status == 0
    assert (checks["changes"]["verdict"], checks["changes"]["remedy"]) == (
        "warning",
        "run 'kb build'",
    )
    assert checks["changes"]["detail"] == "changed since the build: budget.md, new.txt, union.txt"


def test_doctor_does_not_take_missing_documents_for_a_missing_index(
    home: Home, tmp_path: Path
) -> None:
    """Of a library that is gone it says what the index still has, or that it cannot tell."""
    assert _kb("--home", home.root, "build").exit_code == 0
    shutil.rmtree(home.documents)
    own = _kb("--home", home.root, "doctor").stdout
    assert f"failed   documents: {home.documents} is not there: bring it back" in own
    assert (
        "warning  changes: changed since the build: budget.md, sports.txt, union.txt:"
        " bring the documents back"
    ) in own
    named = _kb("--home", home.root, "--documents", tmp_path / "unmounted", "doctor").stdout
    assert "warning  changes: cannot be told" in named


def test_doctor_on_a_new_machine(tmp_path: Path) -> None:
    """Before the first build nothing has failed, and nothing is written."""
    home = Home(tmp_path / "new", tmp_path / "new" / "documents")
    status, checks = _doctor(home)
    assert status == 0
    assert checks["index"]["remedy"] == "run 'kb build'"
    assert not home.root.exists()


class _Terminal:
    """A stream that says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal() -> None:
    """Each stage has a bar that fills."""
    stream = _Terminal()
    steps = Steps(stream)  # type: ignore[arg-type]
    for step in (Progress("read", 0, 2), Progress("read", 2, 2), Progress("encode", 5, 5)):
        steps(step)
    steps.close()
    assert "Reading documents" in stream.text
    assert "2/2" in stream.text
    assert "5/5" in stream.text


def test_progress_is_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets one line for each stage that is done, and for a long one now and then."""
    stream: TextIO = sys.stderr
    steps = Steps(stream)
    for done in (0, 1, 2, 2):
        steps(Progress("encode", done, 2))
    steps.close()
    assert capsys.readouterr().err == "Embedding clauses: 2 of 2\n"
