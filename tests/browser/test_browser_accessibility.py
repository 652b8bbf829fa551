"""axe-core finds no violation of WCAG 2.2 AA on any page, in either theme."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

ASKED = "为快递小哥、外卖送餐员提供饮水热饭充电"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
PAGES = {
    "home": "/",
    "results": f"/?q={ASKED}",
    "page two": f"/?q={ASKED}&page=2",
    "nothing": "/?q=zzz&mode=lexical",
    "too long": "/?q=" + "问" * 1001,
    "library": "/library",
    "api": "/api/docs",
    "missing": "/documents/none",
}


def violations(page: Page) -> list[str]:
    """What axe finds, one line each: rule, impact and the elements."""
    found = axe.Axe().run(page, options=RULES).response["violations"]
    return [f"{v['id']} ({v['impact']}): {[n['target'] for n in v['nodes']][:5]}" for v in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_violation(visit: Visit, name: str, theme: str) -> None:
    """Wide, in Chinese."""
    page = visit(PAGES[name], color_scheme=theme, ignoring="Failed to load resource")
    assert violations(page) == []


SMALL = """() => [...document.querySelectorAll("a, button, summary, select")].filter(each => {
  const { width, height } = each.getBoundingClientRect();
  const inSentence = each.closest("p, .portion") && getComputedStyle(each).display === "inline";
  const shown = each.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  return shown && !inSentence && width > 1 && Math.min(width, height) < 24;
}).map(each => each.textContent.trim())"""


@pytest.mark.parametrize("path", ["/", f"/?q={ASKED}", "/library", "/api/docs", "/none", "report"])
def test_targets_are_large_enough_for_a_finger(visit: Visit, path: str) -> None:
    """At least 24 pixels either way, links amid a sentence left out."""
    screen = {"width": 390, "height": 844}
    first = "/" if path == "report" else path
    page = visit(
        first, viewport=screen, has_touch=True, is_mobile=True, ignoring="Failed to load resource"
    )
    if path == "report":
        page.locator(".holdings h3 a").first.click()
        page.wait_for_url("**/documents/**")
    assert page.evaluate(SMALL) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_open_result_and_reading_page_have_no_violation(
    visit: Visit, theme: str, width: int
) -> None:
    """With everything unfolded, and where a match is lit up; in English, on phone and desk."""
    size = {"width": width, "height": 800}
    page = visit(f"/?q={ASKED}", color_scheme=theme, locale="en-GB", viewport=size)
    page.locator("#hit-1 summary").click()
    page.focus("#hit-2 .open")
    assert violations(page) == []
    page.locator("#hit-1 .open").click()
    page.wait_for_url("**/documents/**")
    assert violations(page) == []
    if width < 1000:
        page.locator(".contents").click()
        assert violations(page) == []
