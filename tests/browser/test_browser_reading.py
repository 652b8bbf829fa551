"""Reading: the passage in view, the outline beside it, the matches before and after."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit

ASKED = "为快递小哥、外卖送餐员提供饮水热饭充电"
PHONE = {"width": 390, "height": 844}


def open_first(visit: Visit, **options: object) -> Page:
    page = visit(f"/?q={ASKED}", **options)
    page.locator("#hit-1 .open").click()
    page.wait_for_url("**/documents/**")
    return page


def test_passage_is_lit_and_in_view(visit: Visit) -> None:
    """What was found is highlighted where it stands, evidence and words included."""
    page = visit(f"/?q={ASKED}")
    passage = page.locator("#hit-1 .passage").text_content()
    evidence = page.locator("#hit-1 mark").all_text_contents()
    page.locator("#hit-1 .open").click()
    expect(page.locator("#match")).to_be_in_viewport()
    focused = page.locator(".in-focus").evaluate_all(
        """parts => parts.map(part => {
             const copy = part.cloneNode(true);
             copy.querySelectorAll(".number").forEach(link => link.remove());
             return copy.textContent;
           }).join("")"""
    )
    assert focused == passage
    assert page.locator(".in-focus mark").all_text_contents() == evidence


def test_matches_lead_forth_and_back(visit: Visit) -> None:
    """Next and previous walk the hits in order; back returns to the very result."""
    page = open_first(visit)
    first = page.url
    page.get_by_role("link", name="下一处").click()
    expect(page.locator(".bar .aside")).to_have_text("第 2 处")
    expect(page.locator("#match")).to_be_in_viewport()
    expect(page.locator("#contents [aria-current]")).to_be_attached()  # the script is at work
    page.keyboard.press("p")
    page.wait_for_url(first)
    page.locator(".back").click()
    expect(page.locator("#hit-1")).to_be_visible()
    assert page.input_value("#q") == ASKED


def test_outline_marks_the_section_in_view(visit: Visit) -> None:
    """The line of the outline that the reader is in is marked, and follows."""
    page = open_first(visit)
    current = page.locator("#contents [aria-current=location]")
    expect(current).to_have_text("坚持问题导向 持续深化改革 党建引领激发工会组织活力")
    page.locator("#contents a", has_text="健全职工维权机制").click()
    expect(current).to_have_text("健全职工维权机制")
    expect(page.locator("h3", has_text="健全职工维权机制")).to_be_in_viewport()


def test_outline_is_a_drawer_on_a_phone(visit: Visit) -> None:
    """Hidden until asked for, closed by a choice or Esc."""
    page = open_first(visit, viewport=PHONE)
    contents = page.locator("#contents")
    expect(contents).to_be_hidden()
    page.get_by_role("button", name="目录").click()
    expect(contents).to_be_visible()
    page.keyboard.press("Escape")
    expect(contents).to_be_hidden()
    page.get_by_role("button", name="目录").click()
    contents.get_by_text("完善职工服务体系").click()
    expect(contents).to_be_hidden()
    expect(page.locator("h3", has_text="完善职工服务体系")).to_be_in_viewport()


def test_drawer_opens_where_the_reader_is(visit: Visit) -> None:
    """In a long outline the line of the section in view need not be looked for."""
    page = open_first(visit, viewport={"width": 390, "height": 320})
    page.locator("h3", has_text="加大建会建家工作力度").scroll_into_view_if_needed()
    page.get_by_role("button", name="目录").click()
    expect(page.locator("#contents [aria-current=location]")).to_be_in_viewport()


def test_drawer_opens_without_a_script(visit: Visit) -> None:
    """The drawer is the browser's own popover."""
    page = open_first(visit, viewport=PHONE, java_script_enabled=False)
    page.get_by_role("button", name="目录").click()
    expect(page.locator("#contents")).to_be_visible()


def test_every_anchor_leads_somewhere(visit: Visit) -> None:
    """Ids are unique, and each link within the page has its target."""
    page = open_first(visit)
    doubled, lost = page.evaluate(
        """() => {
          const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
          const links = [...document.querySelectorAll("main a[href^='#']")];
          return [
            ids.filter((id, i) => ids.indexOf(id) !== i),
            links.map(link => link.hash.slice(1)).filter(id => !document.getElementById(id)),
          ];
        }"""
    )
    assert doubled == []
    assert lost == []
    assert page.locator(".portion[id]").count() == 36


def test_text_taken_with_the_mouse_is_the_source_alone(visit: Visit) -> None:
    """A selection over several passages, or over a heading, takes no number and no link along."""
    page = open_first(visit, viewport={"width": 1440, "height": 900})
    taken, stands = page.evaluate(
        """() => [".report p:has(.number):not(.caption)", ".report :is(h2, h3):has(.self)"].map(
          found => {
            const element = document.querySelector(found);
            const copy = element.cloneNode(true);
            copy.querySelectorAll(".number, .self").forEach(link => link.remove());
            getSelection().selectAllChildren(element);
            return [getSelection().toString().trim(), copy.textContent.trim()];
          }
        ).reduce(([taken, stands], [a, b]) => [[...taken, a], [...stands, b]], [[], []])"""
    )
    assert taken == stands


def test_report_prints_without_the_furniture(visit: Visit) -> None:
    """On paper there is the text with its highlight, and no menu, bar or button."""
    page = open_first(visit)
    page.emulate_media(media="print")
    for furniture in (".masthead", ".bar", "#contents", ".colophon", ".number"):
        expect(page.locator(furniture).first).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    assert page.locator(".report").evaluate("e => getComputedStyle(e).maxWidth") == "none"
    assert page.pdf()[:4] == b"%PDF"


def test_report_fits_a_phone(visit: Visit) -> None:
    """No line of the report runs over the edge of the narrowest phone."""
    page = open_first(visit, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
