"""The library, and pages that stay open while the index changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from index.build import build
from index.encoder import Encoded, Side
from index.home import Home
from tests.browser.conftest import Visit
from tests.browser.serving import serving
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web.live import Live
from web.settings import Settings


class GatedEncoder(HashEncoder):
    """Encodes passages while `gate` is set only, so that a rebuild can be watched."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        if side == "document":
            assert self.gate.wait(60)
        return super().encode(texts, side)


@pytest.fixture
def gate() -> threading.Event:
    """Set; cleared, it holds rebuilds where they encode."""
    gate = threading.Event()
    gate.set()
    return gate


@pytest.fixture
def gated(home: Home, gate: threading.Event) -> Iterator[str]:
    """The address of a server whose rebuilds wait for `gate`."""
    build(home, HashEncoder())
    with serving(Live(home, lambda: GatedEncoder(gate))) as address:
        yield address
        gate.set()


def add(home: Home) -> None:
    """Add a document whose clauses no index has seen."""
    text = "职工书屋建设报告\n\n今年在三个街道建立职工书屋,共投入资金六万元。\n"
    (home.documents / "new.txt").write_text(text, "utf-8")


def test_rebuild_shows_its_progress_while_searching(
    visit: Visit, gated: str, gate: threading.Event, home: Home
) -> None:
    """The button starts it, a bar shows how far it is, searches go on, the end is told."""
    add(home)
    gate.clear()
    reader = visit("/?q=暖心驿站", base=gated)
    page = visit("/library", base=gated)
    page.get_by_role("button", name="重建索引").click()
    expect(page.locator("progress")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("正在")
    reader.fill("#q", "健走步")
    reader.press("#q", "Enter")
    expect(reader).to_have_title("健走步 · 问报告")
    expect(reader.locator("#hit-1")).to_be_visible()
    reader.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(reader.locator("#notice")).to_contain_text("正在重建索引")
    gate.set()
    expect(page.locator(".outcome.done")).to_be_visible(timeout=60_000)
    expect(page.locator("#live")).to_have_text("重建完成。")
    page.get_by_role("link", name="查看新的索引").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(reader.locator("#notice")).to_contain_text("本页结果来自更新前的索引", timeout=15_000)
    reader.get_by_role("link", name="重新检索").press("Enter")
    expect(reader.locator("#notice")).to_be_empty()
    expect(reader.locator("#frame")).to_be_focused()


def test_rebuild_is_followed_without_a_script(
    visit: Visit, gated: str, gate: threading.Event, home: Home
) -> None:
    """Each time the link is used the page is loaded, and the panel is what it shows."""
    add(home)
    gate.clear()
    page = visit("/library", base=gated, java_script_enabled=False)
    page.get_by_role("button", name="重建索引").click()
    for _ in range(3):
        with page.expect_request("**/library**"):
            page.get_by_role("link", name="查看进度").click()
        expect(page.locator("progress")).to_be_in_viewport()
        assert page.url.endswith("#rebuild")
    gate.set()
    for _ in range(40):
        if page.locator(".outcome.done").count():
            break
        page.get_by_role("link", name="查看进度").click()
        page.wait_for_timeout(250)
    expect(page.locator(".outcome.done")).to_be_visible()


def test_failed_rebuild_says_why(visit: Visit, gated: str, home: Home) -> None:
    """An empty library cannot be indexed; the earlier index goes on serving."""
    for file in home.documents.iterdir():
        file.unlink()
    page = visit("/library", base=gated)
    page.get_by_role("button", name="重建索引").click()
    told = f"重建失败。 {home.documents} 中没有能读取的文件"
    expect(page.locator(".outcome.failed")).to_contain_text(told)
    expect(page.get_by_role("button", name="重建索引")).to_be_enabled()
    page.goto("/?q=暖心驿站")
    expect(page.locator("#hit-1")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_file_is_added_and_taken_away_by_hand(
    visit: Visit, gated: str, home: Home, tmp_path: Path, script: bool
) -> None:
    """Chosen, sent, indexed and listed; then deleted, and gone from the list."""
    file = tmp_path / "帮扶.txt"
    file.write_text("消费帮扶活动\n\n采购对口支援地区农副产品,帮助困难群众增加收入。\n", "utf-8")
    page = visit("/library", base=gated, java_script_enabled=script)
    page.set_input_files("input[type=file]", [file])
    page.get_by_role("button", name="添加并索引").click()
    row = page.get_by_role("row", name="消费帮扶活动")
    listed(page, row, 1)
    row.get_by_text("移除").click()
    row.get_by_role("button", name="删除这份文件").click()
    listed(page, row, 0)
    assert not (home.documents / file.name).exists()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_language_is_switched_where_a_file_was_refused(
    visit: Visit, gated: str, tmp_path: Path, script: bool
) -> None:
    """The address of that page only takes files: who opens it comes to the library."""
    file = tmp_path / "empty.txt"
    file.touch()
    page = visit(
        "/library",
        base=gated,
        ignoring="Failed to load resource",
        java_script_enabled=script,
        viewport={"width": 390, "height": 500},
    )
    page.set_input_files("input[type=file]", [file])
    page.get_by_role("button", name="添加并索引").click()
    expect(page.locator("#add .outcome.failed")).to_contain_text(file.name)
    expect(page.locator("#add .outcome.failed")).to_be_in_viewport()
    assert page.url.endswith("/library/documents#add")
    page.locator(".switches [name=language]").click()
    expect(page.locator("h1")).to_have_text("Library")
    assert page.url.endswith("/library")


def listed(page: Page, row: Locator, times: int) -> None:
    """Load the library until it lists `row` so many times."""
    for _ in range(40):
        if row.count() == times:
            break
        page.wait_for_timeout(250)
        page.goto("/library")
    expect(row).to_have_count(times)


def test_figures_stay_whole_beside_long_titles(visit: Visit, home: Home) -> None:
    """A title that takes all the room there is breaks no number over two lines."""
    title = "关于进一步加强和改进新时代全区产业工人队伍建设改革工作的若干意见" * 5
    text = f"# {title}\n\n## 要求\n\n{'完善技能评价体系，支持企业自主认定。' * 700}\n"
    (home.documents / "long.md").write_text(text, "utf-8")
    build(home, HashEncoder())
    with serving(Live(home, HashEncoder)) as address:
        page = visit("/library", base=address, viewport={"width": 1366, "height": 768})
        figures = page.get_by_role("row", name="long.md").locator(".figure")
        heights = figures.evaluate_all(
            """cells => cells.map(cell => {
              const range = document.createRange();
              range.selectNodeContents(cell);
              return range.getClientRects().length;
            })"""
        )
        page.close()
    assert heights == [1, 1, 1]


def test_library_prints_as_a_list(visit: Visit, gated: str) -> None:
    """On paper there is nothing to choose, add or remove."""
    page = visit("/library", base=gated)
    page.emulate_media(media="print")
    expect(page.locator("tbody tr").first).to_be_visible()
    for furniture in (".adding", ".remove", ".within", ".rebuild form"):
        expect(page.locator(furniture).first).to_be_hidden()


def test_second_rebuild_is_told_that_one_runs(
    visit: Visit, gated: str, gate: threading.Event, home: Home
) -> None:
    """Two people press the button; the second sees the first one's progress or is told of it."""
    add(home)
    gate.clear()
    first = visit("/library", base=gated)
    second = visit("/library", base=gated, ignoring="409")
    first.get_by_role("button", name="重建索引").click()
    expect(first.locator("progress")).to_be_visible()
    second.get_by_role("button", name="重建索引").click()
    expect(second.locator(".outcome.failed, progress").first).to_be_visible()
    expect(second.locator("progress")).to_be_visible(timeout=15_000)
    gate.set()
    for page in (first, second):
        expect(page.locator(".outcome.done")).to_be_visible(timeout=60_000)
        expect(page.locator(".outcome.failed")).to_have_count(0)


def test_refused_token_is_typed_again_in_peace(visit: Visit, home: Home) -> None:
    """What the page learns of the index meanwhile takes neither the refusal nor the typing."""
    build(home, HashEncoder())
    settings = Settings(admin_token="open sesame", trusted_hosts=("127.0.0.1",))
    live = Live(home, HashEncoder)
    with serving(live, settings=settings) as address:
        page = visit("/library", base=address, ignoring="401")
        panel = page.locator("#panel")
        token = panel.locator("[name=admin_token]")
        token.fill("wrong")
        token.press("Enter")
        refusal = page.locator("#rebuild > .outcome.failed")
        expect(refusal).to_contain_text("需要管理口令")
        look(page)
        expect(refusal).to_be_visible()
        expect(token).to_have_value("wrong")
        token.fill("open")
        live.rebuild()
        wait_for(lambda: live.state.state == "done")
        look(page)
        expect(token).to_be_focused()
        expect(token).to_have_value("open")
        token.fill("open sesame")
        token.press("Enter")
        expect(panel.locator(".outcome.done")).to_be_visible(timeout=15_000)
        expect(refusal).to_have_count(0)
        page.close()


def test_silent_server_is_named_where_a_rebuild_is_asked_for(visit: Visit, gated: str) -> None:
    """The button does not just seem to do nothing, and works once the server is back."""
    page = visit("/library", base=gated, ignoring="Failed to load resource")
    page.route("**/library/rebuild", lambda route: route.abort())
    button = page.get_by_role("button", name="重建索引")
    for _ in range(2):
        button.click()
        expect(page.locator("#refusal")).to_have_text("服务器没有回应")
        expect(page.locator("#live")).to_have_text("服务器没有回应")
        expect(page.locator("#rebuild")).to_be_focused()
    page.unroute("**/library/rebuild")
    button.click()
    expect(page.locator(".outcome.done")).to_be_visible(timeout=15_000)
    expect(page.locator("#refusal")).to_have_count(0)


def look(page: Page) -> None:
    """Have the page ask how the index stands, as it does every few seconds."""
    with page.expect_response("**/standing/rebuild**"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(100)


def test_page_waits_for_the_first_index_and_shows_itself(visit: Visit, home: Home) -> None:
    """Who comes too early sees what is being done, and then, without a click, the page."""
    build(home, HashEncoder())
    loaded = threading.Event()

    def load() -> HashEncoder:
        loaded.wait(20)
        return HashEncoder()

    with serving(Live(home, load), ready=False) as address:
        page = visit("/?q=暖心驿站", base=address, ignoring="503")
        expect(page.locator("h1")).to_have_text("索引还没有准备好")
        expect(page.locator("#preparing")).to_contain_text("正在载入模型")
        loaded.set()
        expect(page.locator("#hit-1")).to_be_visible(timeout=15_000)
        page.close()
