"""A library that means harm: names, titles and texts full of markup stay inert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from index.build import build
from index.home import Home
from tests.browser.conftest import Visit
from tests.browser.serving import serving
from tests.fakes import HashEncoder
from web.live import Live

EVIL = (
    "</mark></p><script>window.struck=1</script><img src=x onerror=window.struck=2>"
    "{{77*777}}${77*777}"
)
NAME = "<img src=x onerror=struck=3>{{77*777}}.txt"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose one document is all markup."""
    home = Home(tmp_path, tmp_path / "documents")
    home.documents.mkdir()
    lines = [
        f"报告{EVIL}",
        f"一、章节{EVIL}",
        f"本段说明暖心驿站建设情况,{EVIL},并且继续说明有关工作的开展情况,覆盖全区各个街道。",
        f"二、其他{EVIL}",
        f"另一段说明预算执行情况,{EVIL},并且继续说明有关经费的使用情况,接受全体职工监督。",
    ]
    (home.documents / NAME).write_text("\n\n".join(lines), "utf-8")
    (home.documents / "<svg onload=struck=4>.bin").write_bytes(b"\0")
    build(home, HashEncoder())
    with serving(Live(home, HashEncoder)) as address:
        yield address


def unharmed(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.struck") is None
    assert page.locator("main img, main script, main svg").count() == 0
    assert "59829" not in page.locator("main").inner_text()


def test_markup_in_documents_stays_text(visit: Visit, hostile: str) -> None:
    """Home, results, reading and library show it as it stands in the file."""
    page = visit("/", base=hostile)
    unharmed(page)
    page.fill("#q", "暖心驿站建设情况")
    page.press("#q", "Enter")
    expect(page.locator("#hit-1 .passage")).to_contain_text("</mark></p><script>")
    unharmed(page)
    page.locator("#hit-1 summary").click()
    page.locator("#hit-1 .open").click()
    expect(page.locator(".report")).to_contain_text("onerror=window.struck=2>{{77*777}}${77*777}")
    unharmed(page)
    page.goto("/library")
    expect(page.locator("tbody")).to_contain_text(NAME)
    expect(page.locator(".skipped")).to_contain_text("<svg onload=struck=4>.bin")
    unharmed(page)


@pytest.mark.parametrize("mode", ["typed", "address"])
def test_markup_in_a_question_stays_text(visit: Visit, hostile: str, mode: str) -> None:
    """Typed or linked to, in the box, the title, the recent questions and the reading page."""
    page = visit("/", base=hostile)
    if mode == "typed":
        page.fill("#q", f"暖心驿站{EVIL}")
        page.press("#q", "Enter")
        expect(page.locator("#hit-1")).to_be_visible()
    else:
        page.evaluate("q => location.assign('/?' + new URLSearchParams({ q }))", f"暖心驿站{EVIL}")
        page.wait_for_url("**/?q=**")
    assert page.input_value("#q") == f"暖心驿站{EVIL}"
    unharmed(page)
    page.locator("#hit-1 .open").click()
    expect(page.locator(".bar .asked")).to_have_text(f"暖心驿站{EVIL}")
    unharmed(page)
    page.goto("/")
    expect(page.locator(".recent a")).to_have_text(f"暖心驿站{EVIL}")
    unharmed(page)
