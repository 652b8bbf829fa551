"""Everything the page says exists in Chinese and in English."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from kb.errors import (
    EncoderMismatch,
    IndexDamaged,
    IndexMissing,
    KBError,
    LibraryEmpty,
    ModelUnavailable,
    RebuildRunning,
    StorageFailed,
    StoreUnavailable,
)
from kb.library import document_id
from web.reasons import reason

ROOT = Path(__file__).parents[1]
CATALOG = ROOT / "web" / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
UNION = document_id("union.txt")
HELD = re.compile(r"%\(\w+\)[sd]")
SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-say", "data-title", "content")
VOID = {"meta", "link", "input", "br", "hr", "img", "path", "circle"}
NAMES = {
    *("API", "MB", "Enter", "Esc", "JSON", "openapi", "json", "UTF", "Unicode"),
    *("txt", "md", "union", "sports", "budget"),
}
PAGES = (
    "/",
    "/?q=暖心驿站",
    "/?q=zzz&mode=lexical",
    '/?q="404404"',
    "/?q=暖心驿站&document=none",
    f"/?q=暖心驿站&document={UNION}&section=2",
    f"/?q=暖心驿站&document={UNION}&section=99",
    f"/?q={'问' * 1200}",
    f"/documents/{UNION}",
    f"/documents/{UNION}?start=3&end=1",
    f"/documents/{UNION}?start=0&end=6",
    "/library",
    "/api/docs",
    "/none",
    "/standing/notice?generation=earlier",
    "/standing/rebuild",
    "/standing/preparing",
)


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    """The Chinese texts, as translators write them."""
    with CATALOG.open("rb") as file:
        return read_po(file)


def messages() -> dict[str, str | None]:
    """Every message in code and templates, with its plural."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["babel"]
    methods = [(each["pattern"], each["method"]) for each in mappings["mappings"]]
    found: dict[str, str | None] = {}
    for _, _, message, _, _ in extract_from_dir(
        ROOT / "web", [(p.removeprefix("web/"), m) for p, m in methods]
    ):
        single, plural = message if isinstance(message, tuple) else (message, None)
        found[single] = plural
    return found


def test_no_message_is_without_chinese(chinese: Catalog) -> None:
    """Each message of code and templates is in the catalog, none there is left over."""
    translated = {message.id[0] if message.pluralizable else message.id for message in chinese}
    assert translated - {""} == set(messages())


def test_every_translation_is_finished(chinese: Catalog) -> None:
    """None is blank or marked as a guess, and each keeps the places that values go into."""
    for message in chinese:
        if not message.id:
            continue
        sources = (message.id,) if isinstance(message.id, str) else message.id
        said = message.string
        texts = said if isinstance(said, list | tuple) else (said,)
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        assert {*HELD.findall(sources[-1])} == {*HELD.findall(texts[0] or "")}, message.id


def test_compiled_catalog_is_of_these_texts(chinese: Catalog) -> None:
    """What is loaded at run time is what the translators wrote."""
    compiled = io.BytesIO()
    write_mo(compiled, chinese)
    assert CATALOG.with_suffix(".mo").read_bytes() == compiled.getvalue(), (
        "run: pybabel compile -d web/translations"
    )


def test_a_thing_has_one_name(chinese: Catalog) -> None:
    """A document, the library and whoever runs the server are called the same on every page."""
    others = re.compile("(?<!Word )文档|(?<!文)库中|管理者|管理这台")
    texts = [text for message in chinese if message.id for text in _texts(message.string)]
    assert [text for text in texts if others.search(text)] == []


def _texts(said: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [said] if isinstance(said, str) else list(said or ())


class Said(HTMLParser):
    """Collects what a page says in its own language: text that names another is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, str | None]] = []
        self.said: list[str] = []

    @property
    def own(self) -> bool:
        return not any(language for tag, language in self.stack if tag != "html")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        silent = "-" if tag in {"script", "code", "kbd", "time", "title"} else None
        if tag not in VOID:
            self.stack.append((tag, values.get("lang") or silent))
        if self.own and tag != "meta":
            self.said += [values[name] or "" for name in SPOKEN if name in values]

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.own and data.strip():
            self.said.append(data.strip())


def said(client: FlaskClient, path: str, language: str) -> Iterator[str]:
    headers = {"Accept-Language": language, "Accept": "text/html"}
    parser = Said()
    parser.feed(client.get(path, headers=headers).text)
    return (text for text in parser.said if not text.startswith(("暖心驿站 ·", "zzz ·", "问问")))


@pytest.mark.parametrize("path", PAGES)
def test_english_pages_say_nothing_in_chinese(client: FlaskClient, path: str) -> None:
    """Chinese stands there only where it is marked as Chinese: in what is quoted."""
    for text in said(client, path, "en"):
        assert not re.search("[\u4e00-\u9fff]", text), text


@pytest.mark.parametrize("path", PAGES)
def test_chinese_pages_say_nothing_in_english(client: FlaskClient, path: str) -> None:
    """Latin words stand there only where they are marked as English, or are names."""
    for text in said(client, path, "zh"):
        words = set(re.findall("[A-Za-z]{2,}", re.sub(r"\d{8}T\d{6}Z-\w+", "", text)))
        assert words <= NAMES, text


def reasons() -> set[str]:
    """Every reason that `kb` gives for leaving a file out, with a stand-in for what varies."""
    literal = re.compile(r'f?"((?:it|its|a page)(?: [^"]+))"')
    sources = [
        path.read_text("utf-8") for path in (ROOT / "kb").rglob("*.py") if path.name != "errors.py"
    ]
    found = {text for source in sources for text in literal.findall(source)}
    advice = {"{advice}": ["save it as .docx or .pdf", "only .md .txt are"]}
    spelled = {
        text.replace(name, value)
        for text in found
        for name, values in (advice if "{advice}" in text else {"\0": ["\0"]}).items()
        for value in values
    }
    return {re.sub(r"\{.+?\}", "X", text) for text in spelled}


def test_every_reason_is_told_in_chinese(client: FlaskClient) -> None:
    """Whatever `kb` finds wrong with a file, the library page says it in the reader's language."""
    with client.application.test_request_context(headers={"Accept-Language": "zh"}):
        untold = {each for each in reasons() if not re.search("[\u4e00-\u9fff]", reason(each))}
    assert untold == set()
    assert len(reasons()) > 20


OF_FILES = [
    "a.pdf: it has no text layer (a scan?): run OCR on it first",
    "b.doc: it is encrypted, or an old .doc: save it as plain .docx",
    *["c.txt: it is empty"] * 4,
]
FAILURES = (
    (
        LibraryEmpty(Path("/文件 1")),
        "/文件 1 中没有能读取的文件，请放入 .docx、.pdf、.html、.md 或 .txt 文件",
    ),
    (
        LibraryEmpty(Path("/var"), OF_FILES),
        "/var 中没有能读取的文件（a.pdf: 没有文字层（可能是扫描件），请先做文字识别（OCR）; "
        "b.doc: 已加密，或是旧版"
        " .doc，请另存为不加密的 .docx; c.txt: 是空文件; 另有 3 个），"
        "请放入 .docx、.pdf、.html、.md 或 .txt 文件",
    ),
    (ModelUnavailable("m", "why"), "无法加载模型 m：why"),
    (
        StorageFailed(Path("/var/x"), "No space left on device"),
        "/var/x 读写失败（No space left on device），请检查磁盘，或用 --home 另选文件夹",
    ),
    (
        StoreUnavailable("milvus+http://127.0.0.1:19530", "why"),
        "索引存储 milvus+http://127.0.0.1:19530 没有应答（why），请检查，或稍候再试",
    ),
    (RebuildRunning("/var"), "/var 中已有重建正在进行，请等它结束"),
    (IndexMissing("/var"), "/var 中没有索引，请运行 kb build"),
    (
        IndexDamaged(Path("/var/x.bin"), "it is missing"),
        "索引文件 /var/x.bin 已损坏（文件不存在），请运行 kb build --force",
    ),
    (EncoderMismatch("m1", "m2"), "索引由 m1 生成，此处的模型是 m2，请运行 kb build"),
)


@pytest.mark.parametrize(("error", "told"), FAILURES, ids=lambda each: type(each).__name__)
def test_why_a_build_failed_is_told_in_chinese(
    client: FlaskClient, error: KBError, told: str
) -> None:
    """But for names, paths and causes that the system gave."""
    with client.application.test_request_context(headers={"Accept-Language": "zh"}):
        assert reason(str(error)) == told


def test_a_failure_that_has_no_words_here_stays_as_it_is(client: FlaskClient) -> None:
    with client.application.test_request_context(headers={"Accept-Language": "zh"}):
        assert reason("cannot build on Ray: why") == "cannot build on Ray: why"
