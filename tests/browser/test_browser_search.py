"""Searching as a person does it: by typing, by address, by keyboard alone, without a script."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit

ASKED = "为快递小哥、外卖送餐员提供饮水热饭充电"
STATIONS = "暖心驿站1269家"


def ask(page: Page, question: str) -> None:
    page.fill("#q", question)
    page.press("#q", "Enter")
    expect(page.locator("#hit-1")).to_be_visible()
    expect(page.locator("#frame")).not_to_have_attribute("aria-busy", "true")


def test_typed_question_is_answered_within_the_frame(visit: Visit) -> None:
    """Results appear without loading a page, the address follows, the count is announced."""
    page = visit("/")
    expect(page.locator("#q")).to_be_focused()
    page.evaluate("window.stayed = true")
    ask(page, ASKED)
    assert STATIONS in (page.locator("#hit-1 .passage").text_content() or "")
    assert page.evaluate("new URLSearchParams(location.search).get('q')") == ASKED
    assert page.evaluate("window.stayed") is True
    expect(page).to_have_title(f"{ASKED} · 问报告")
    expect(page.locator("#live")).to_have_text("第 1 至 10 条结果")


def test_every_search_and_copy_is_announced(visit: Visit) -> None:
    """A second search that finds as many passages is heard, and so is a second copy."""
    page = visit("/", permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(
        """() => {
          const body = document.body.dataset;
          body.heard = "";
          new MutationObserver(() => {
            if (live.textContent) body.heard += `${live.textContent};`;
          }).observe(live, { childList: true });
        }"""
    )
    found, copied = "第 1 至 10 条结果;", "已复制;"
    body = page.locator("body")
    ask(page, ASKED)
    expect(body).to_have_attribute("data-heard", found)
    ask(page, "劳动模范")
    expect(body).to_have_attribute("data-heard", found * 2)
    copy = page.locator("#hit-1").get_by_role("button", name="复制")
    copy.click()
    expect(body).to_have_attribute("data-heard", found * 2 + copied)
    copy.click()
    expect(body).to_have_attribute("data-heard", found * 2 + copied * 2)


def test_address_alone_gives_the_same_result(visit: Visit) -> None:
    """A result page can be kept and shared."""
    page = visit("/")
    ask(page, ASKED)
    passages = page.locator(".passage").all_text_contents()
    shared = visit(page.url)
    assert shared.locator(".passage").all_text_contents() == passages
    assert shared.input_value("#q") == ASKED


def test_back_and_forward_follow_the_questions(visit: Visit) -> None:
    """Each question is a place in the history, down to the blank page."""
    page = visit("/")
    ask(page, ASKED)
    ask(page, "劳动模范")
    page.go_back()
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)
    assert page.input_value("#q") == ASKED
    page.go_back()
    expect(page.locator(".examples")).to_be_visible()
    page.go_forward()
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)


def test_mode_and_page_live_in_the_address(visit: Visit) -> None:
    """Choosing a mode asks again; the next page is a link; both come back with the address."""
    page = visit(f"/?q={ASKED}")
    page.locator(".modes label", has_text="字词").last.click()
    page.wait_for_url("**mode=lexical**")
    page.go_back()
    expect(page.locator("input[value=hybrid]")).to_be_checked()
    page.locator(".pager [rel=next]").click()
    expect(page.locator("#hit-11")).to_be_visible()
    assert "page=2" in page.url


def test_keyboard_alone_goes_from_question_to_report_and_back(visit: Visit) -> None:
    """Slash, typing, arrows, Enter, back and Esc: no pointer is needed."""
    page = visit(f"/?q={ASKED}")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("职工之家")
    page.keyboard.press("Enter")
    expect(page).to_have_title("职工之家 · 问报告")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#hit-2 .open")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#hit-1 .open")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents/**")
    expect(page.locator("#match")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("#hit-1")).to_be_visible()


def test_skipping_to_the_content_leaves_the_question_as_typed(visit: Visit) -> None:
    """A jump within the page is no search, neither forth nor back; going back to one still is."""
    page = visit(f"/?q={ASKED}")
    ask(page, "劳动模范")
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url))
    page.fill("#q", "职工之家在")
    page.locator(".skip").press("Enter")
    page.wait_for_url("**#main")
    expect(page.locator("#main")).to_be_focused()
    page.go_back()
    page.wait_for_timeout(200)
    assert page.input_value("#q") == "职工之家在"
    assert [address for address in searches if "/results" in address] == []
    page.go_back()
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)
    assert page.input_value("#q") == ASKED


def test_slash_in_the_box_is_a_character(visit: Visit) -> None:
    """Who types a slash gets a slash."""
    page = visit("/")
    page.locator("#q").press_sequentially("工会/职工")
    assert page.input_value("#q") == "工会/职工"


def test_enter_of_an_input_method_does_not_search(visit: Visit) -> None:
    """The Enter that takes a candidate is not the Enter that asks."""
    page = visit("/")
    page.focus("#q")
    devtools = page.context.new_cdp_session(page)
    devtools.send(
        "Input.imeSetComposition", {"text": "nuanxin", "selectionStart": 7, "selectionEnd": 7}
    )
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229, "text": "\r"}
    devtools.send("Input.dispatchKeyEvent", {"type": "keyDown", **enter})
    devtools.send("Input.insertText", {"text": "暖心驿站"})
    page.wait_for_timeout(150)
    assert page.url.endswith("/")
    assert page.input_value("#q") == "暖心驿站"
    page.keyboard.press("Enter")
    expect(page.locator("#hit-1")).to_be_visible()


def test_enter_while_composing_is_kept_from_the_form(visit: Visit) -> None:
    """As Safari orders events, the composition ends just before its Enter: still no search."""
    page = visit("/")
    page.fill("#q", "暖心")
    page.evaluate(
        """() => {
          const box = document.getElementById("q");
          box.dispatchEvent(new CompositionEvent("compositionstart"));
          box.dispatchEvent(new CompositionEvent("compositionend"));
          box.form.requestSubmit();
        }"""
    )
    page.wait_for_timeout(100)
    assert page.url.endswith("/")


def test_page_works_without_a_script(visit: Visit) -> None:
    """Form, links, places, outline and switches are plain HTML."""
    page = visit("/", java_script_enabled=False)
    page.fill("#q", ASKED)
    page.press("#q", "Enter")
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)
    expect(page.get_by_role("button", name="复制引文").first).to_be_hidden()
    page.locator("#hit-1 summary").click()
    expect(page.locator("#hit-1 dl")).to_be_visible()
    page.locator("#hit-1 .open").click()
    expect(page.locator("#match")).to_be_in_viewport()
    page.locator(".switches [name=language]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#match")).to_be_attached()


def test_place_is_in_view_without_script_or_fragment(visit: Visit) -> None:
    """The address that the API gives leads to the passage as well."""
    page = visit(f"/?q={ASKED}")
    address = page.locator("#hit-1 .open").get_attribute("href")
    assert address is not None
    plain = visit(address.partition("&q=")[0], java_script_enabled=False)
    expect(plain.locator("#match")).to_be_in_viewport()


def test_quotation_is_copied_with_its_source(visit: Visit) -> None:
    """Passage verbatim, title, section and place."""
    page = visit(f"/?q={ASKED}", permissions=["clipboard-read", "clipboard-write"])
    page.locator("#hit-1").get_by_role("button", name="复制引文").click()
    expect(page.locator("#hit-1").get_by_role("button", name="已复制")).to_be_visible()
    passage, _, citation = page.evaluate("navigator.clipboard.readText()").rpartition("\n")
    assert passage == page.locator("#hit-1 .passage").text_content()
    assert citation.startswith("——韩悦，《使命在肩 接续奋斗 为建设美丽东城凝聚磅礴力量》，“")
    assert citation.endswith(" 段")


def test_quotation_is_copied_where_the_clipboard_is_closed(visit: Visit) -> None:
    """Over plain http from another machine there is no clipboard interface."""
    page = visit(f"/?q={ASKED}", permissions=["clipboard-read"])
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.locator("#hit-1").get_by_role("button", name="复制引文").click()
    expect(page.locator("#hit-1").get_by_role("button", name="已复制")).to_be_visible()
    assert STATIONS in page.evaluate("navigator.clipboard.readText()")


def test_recent_questions_stay_in_the_browser(visit: Visit) -> None:
    """They show on the blank page, ask again when clicked, and can be forgotten."""
    page = visit("/")
    ask(page, "<b>暖心</b>驿站")
    ask(page, ASKED)
    page.goto("/")
    recent = page.locator(".recent li")
    expect(recent).to_have_text([ASKED, "<b>暖心</b>驿站"])
    recent.first.locator("a").click()
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)
    page.goto("/")
    page.get_by_role("button", name="清除记录").click()
    expect(page.locator(".recent")).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0
    assert "recent" not in page.evaluate("document.cookie")


def test_recent_question_is_asked_where_the_form_asks(visit: Visit) -> None:
    """In the section and the mode that the address names, on its first page."""
    page = visit("/")
    ask(page, ASKED)
    page.goto("/")
    report = page.locator(".holdings h3 a").first.get_attribute("href") or ""
    place = f"document={report.rpartition('/')[2]}&section=3&mode=lexical"
    page.goto(f"/?{place}&page=2#main")
    page.locator(".recent a").click()
    expect(page).to_have_title(f"{ASKED} · 问报告")
    asked = dict(parse_qsl(urlsplit(page.url).query))
    assert asked == {**dict(parse_qsl(place)), "q": ASKED}
    expect(page.locator("input[name=section]")).to_have_value("3")
    assert not urlsplit(page.url).fragment


def test_what_is_typed_meanwhile_is_not_remembered(visit: Visit) -> None:
    """While a slow server answers, the next question may stand half in the box."""
    page = visit("/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/results**", hold)
    page.fill("#q", ASKED)
    with page.expect_request("**/results**"):
        page.press("#q", "Enter")
    page.fill("#q", "健走")
    held[0].continue_()
    expect(page.locator("#hit-1")).to_be_visible()
    expect(page).to_have_title(f"{ASKED} · 问报告")
    assert page.input_value("#q") == "健走"
    page.goto("/")
    expect(page.locator(".recent li")).to_have_text([ASKED])


def test_example_question_asks(visit: Visit) -> None:
    """A click on an example is a search like any other."""
    page = visit("/")
    page.locator(".examples a", has_text="暖心驿站").click()
    expect(page).to_have_title("暖心驿站有多少家？ · 问报告")
    expect(page.locator("#hit-1")).to_be_visible()
    assert page.input_value("#q") == "暖心驿站有多少家？"


@pytest.mark.parametrize("length", [1001, 2500])
def test_long_question_is_refused_in_words(visit: Visit, length: int) -> None:
    """The box keeps it, the page says what the limit is."""
    page = visit("/")
    page.fill("#q", "😀" * length)
    page.press("#q", "Enter")
    expect(page.locator(".verdict h2")).to_have_text("问题太长")
    assert page.input_value("#q") == "😀" * length


def test_silent_server_is_named_and_the_question_kept(visit: Visit) -> None:
    """When nothing answers the page says so and the next try works."""
    page = visit("/", ignoring="Failed to load resource")
    page.route("**/results**", lambda route: route.abort())
    page.fill("#q", ASKED)
    page.press("#q", "Enter")
    expect(page.locator(".verdict h2")).to_have_text("服务器没有回应")
    page.unroute("**/results**")
    page.press("#q", "Enter")
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)


def test_error_in_the_frame_is_told_like_a_page_of_its_own(visit: Visit) -> None:
    """Its heading is announced and is the title; who used a link in the frame stays in it."""
    page = visit(f"/?q={ASKED}", ignoring="Failed to load resource")
    page.locator(".pager [rel=next]").press("Enter")
    expect(page.locator("#hit-11")).to_be_visible()
    expect(page.locator("#frame")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#hit-11 .open")).to_be_focused()
    busy = "<main><p>503</p><h1>此刻提问的人太多</h1></main>"
    page.route("**/results**", lambda route: route.fulfill(status=503, body=busy))
    page.locator(".pager [rel=prev]").press("Enter")
    expect(page.locator("#frame h1")).to_be_visible()
    expect(page.locator("#frame")).to_be_focused()
    expect(page).to_have_title("此刻提问的人太多 · 问报告")
    expect(page.locator("#live")).to_have_text("此刻提问的人太多")
    page.unroute("**/results**")
    page.route("**/results**", lambda route: route.abort())
    page.press("#q", "Enter")
    expect(page).to_have_title("服务器没有回应 · 问报告")
    expect(page.locator("#live")).to_have_text("服务器没有回应")
    expect(page.locator("#q")).to_be_focused()


def test_open_page_becomes_the_one_that_waits_for_the_index(visit: Visit) -> None:
    """Where a server has just started again: only a page of its own follows how far it is."""
    page = visit("/", ignoring="Failed to load resource")
    preparing = '<main><h1>索引还没有准备好</h1><div id="preparing"></div></main>'
    page.route("**/results**", lambda route: route.fulfill(status=503, body=preparing))
    page.fill("#q", ASKED)
    with page.expect_event("load"):
        page.press("#q", "Enter")
    expect(page.locator("#hit-1 .passage")).to_contain_text(STATIONS)
    assert page.input_value("#q") == ASKED


def test_both_languages_switch_and_stay(visit: Visit) -> None:
    """English by one click, in place, and again at the next visit."""
    page = visit(f"/?q={ASKED}")
    page.locator(".switches [name=language]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.input_value("#q") == ASKED
    expect(page.locator("#hit-1 .actions a")).to_have_text("Open in the report")
    page.goto("/library")
    expect(page.locator("h1")).to_have_text("Library")


def test_theme_follows_the_system_and_the_switch(visit: Visit) -> None:
    """Dark by preference; light, dark and back by the button, which keeps the place."""
    page = visit(f"/?q={ASKED}", color_scheme="dark")

    def background() -> str:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    dark = background()
    page.evaluate("window.stayed = true")
    page.locator(".theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    light = background()
    assert light != dark
    page.locator(".theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert background() == dark
    assert page.evaluate("window.stayed") is True
    page.goto("/library")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("width", [360, 390, 768, 1440, 2560])
@pytest.mark.parametrize("path", ["/", f"/?q={ASKED}", "/library", "/api/docs"])
def test_nothing_runs_over_the_edge(visit: Visit, width: int, path: str) -> None:
    """From a small phone to a wide screen no page scrolls sideways."""
    page = visit(path, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_evidence_is_printed_as_a_plain_wash(visit: Visit) -> None:
    """Viewers of PDF draw black lines at the ends of a gradient: they would underline it."""
    page = visit(f"/?q={ASKED}")
    page.emulate_media(media="print")
    evidence = page.locator("#hit-1 mark").first
    assert evidence.evaluate("e => getComputedStyle(e).backgroundImage") == "none"
    assert evidence.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(251, 230, 162)"


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("width", [360, 390])
def test_hint_in_the_box_fits_a_phone(visit: Visit, width: int, locale: str) -> None:
    """What stands in the empty box can be read to its end."""
    page = visit("/", viewport={"width": width, "height": 740}, locale=locale)
    over = "box => { box.value = box.placeholder; return box.scrollWidth - box.clientWidth; }"
    assert page.locator("#q").evaluate(over) <= 0


def test_motion_is_reduced_when_asked(visit: Visit) -> None:
    """Nothing moves for readers who turned motion off."""
    page = visit(f"/?q={ASKED}", reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(element =>
             parseFloat(getComputedStyle(element).transitionDuration) > 0.001).length"""
    )
    assert moving == 0
