"""The pages as they come from the server, without a script running."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from index.home import Home
from kb.errors import (
    KBError,
    LastDocument,
    Overloaded,
    RebuildRunning,
    SearchTooSlow,
    StoreUnavailable,
)
from kb.library import document_id
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app
from web.i18n import local_path
from web.live import Live
from web.settings import Settings

UNION = document_id("union.txt")
ASKED = "暖心驿站"
ENGLISH = {"Accept-Language": "en-GB,en;q=0.8"}


def visible(response: TestResponse) -> str:
    """The text of a page, tags and runs of white space left out."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


def search(client: FlaskClient, **args: str) -> TestResponse:
    return client.get("/", query_string=args)


def test_result_has_path_evidence_and_a_way_on(client: FlaskClient) -> None:
    """A hit shows its section, its passage with evidence, and its place in the report."""
    page = search(client, q=ASKED).text
    first = page[page.index('id="hit-1"') : page.index('id="hit-2"')]
    assert "二、服务户外劳动者" in first
    assert '<mark class="evidence">' in first
    assert re.search(rf'href="/documents/{UNION}\?start=\d+&amp;end=\d+&amp;q=[^"]+#match"', first)
    assert 'data-citation="——《五年工作报告》，“' in first


def test_fragment_is_what_the_page_holds(client: FlaskClient) -> None:
    """The script is given the very part of the page that it replaces."""
    timing = re.compile(r"[\d.,]+ 毫秒")
    fragment = timing.sub("", client.get("/results", query_string={"q": ASKED}).text)
    assert fragment.strip() in timing.sub("", search(client, q=ASKED).text)
    assert "<html" not in fragment


def test_blank_page_shows_library_and_examples(client: FlaskClient) -> None:
    """Before anything is asked, the outline of what is there and questions to try."""
    page = search(client)
    assert page.status_code == 200
    assert f'href="/documents/{UNION}#s-' in page.text
    assert "如何维护职工权益？" in visible(page)
    english = client.get("/", headers=ENGLISH).text
    assert 'lang="en">Text</a>' in english  # of the report that has no heading
    assert "正文" not in english


def test_the_page_promises_to_keep_questions_only_where_it_does(
    client: FlaskClient, home: Home, encoder: HashEncoder
) -> None:
    """With the index in a Milvus, terms and a vector go there."""
    assert "一字不改。您的提问不会离开这台服务器" in client.get("/").text
    elsewhere = Live(home.stored_in("milvus+http://milvus.example:19530"), lambda: encoder)
    app = create_app(elsewhere, settings=Settings())
    page = app.test_client().get("/", headers={"Accept": "text/html"}).text
    assert "一字不改。" in page
    assert "不会离开" not in page


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        ({"q": "问" * 1001}, 400, "上限是 1,000 字"),
        ({"q": ASKED, "document": "none"}, 404, "文库中没有这份文件"),
        ({"q": "zzz", "mode": "lexical"}, 200, "没有找到相关原文"),
        ({"q": ASKED, "page": "9"}, 200, "回到最贴近的结果"),
        ({"q": "  "}, 200, "可以这样问"),
        ({"q": ASKED, "mode": "magic", "page": "-1"}, 200, "为什么是这段"),
        ({"q": ASKED, "page": "9" * 5000}, 200, "为什么是这段"),
        ({"q": "\0"}, 200, "可以这样问"),
        ({"q": "😀"}, 200, "为什么是这段"),
    ],
)
def test_questions_that_go_wrong_say_what_next(
    client: FlaskClient, args: dict[str, str], status: int, said: str
) -> None:
    """Each hindrance has its words and its status."""
    page = search(client, **args)
    assert page.status_code == status
    assert said in visible(page)


def test_a_section_is_asked_from_its_heading(client: FlaskClient) -> None:
    """The reading page leads there; the box keeps to it, and the answers are of it alone."""
    page = client.get(f"/documents/{UNION}").text
    (link,) = re.findall(rf'href="(/\?document={UNION}&amp;section=3)"', page)
    box = client.get(link.replace("&amp;", "&"))
    assert "范围： 五年工作报告 二、服务户外劳动者 问整份文件" in visible(box)
    assert '<input type="hidden" name="section" value="3">' in box.text
    found = search(client, q="职工", document=UNION, section="3")
    assert found.text.count('class="hit"') == 1
    assert '<a class="open" href="/documents/' in found.text
    assert "二、服务户外劳动者</a>" in found.text
    gone = search(client, q="职工", document=UNION, section="9")
    assert gone.status_code == 404
    assert "文件中没有这一节" in visible(gone)


def test_weak_results_are_said_to_be_weak(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, live: Live
) -> None:
    """What only lies nearest is not shown as if it answered."""
    from dataclasses import replace

    serving = live.searcher
    assert serving is not None
    whole = type(serving).search
    monkeypatch.setattr(
        type(serving), "search", lambda *args, **kw: replace(whole(*args, **kw), weak=True)
    )
    page = visible(search(client, q=ASKED))
    assert "没有足够贴近的原文" in page
    assert "都不够贴近" in page


def test_quotes_that_nothing_holds_can_be_taken_off(client: FlaskClient) -> None:
    """The advice fits what stands in the way, and its link keeps the words and the place."""
    page = search(client, q='"暖心驿站十家" 快递', document=UNION)
    assert "没有哪一段原文逐字含有引号里的内容" in visible(page)
    [link] = re.findall(r'href="([^"]+)">去掉引号再问', page.text)
    again = client.get(html.unescape(link))
    assert again.request.args.to_dict() == {"q": "暖心驿站十家 快递", "document": UNION}
    assert 'class="hit"' in again.text


def test_too_long_for_an_address_is_said_in_a_page(client: FlaskClient) -> None:
    """A whole chapter pasted into the box is refused in words, whatever the limit it meets."""
    page = search(client, q="问" * 3000)
    assert page.status_code in (400, 414)
    assert "问题太长" in visible(page)


def test_reading_page_lights_up_the_place(client: FlaskClient) -> None:
    """The passage asked for is the one in focus, once."""
    text = client.get(f"/api/documents/{UNION}").get_json()["text"]
    start = text.index("在主要街道")
    page = client.get(f"/documents/{UNION}?start={start}&end={len(text.rstrip())}").text
    assert page.count('id="match"') == 1
    focused = re.findall(r'class="portion in-focus"[^>]*>(.*?)</p>', page, re.DOTALL)
    assert re.sub(r"<a .*?</a>|<[^>]*>", "", "".join(focused)) == text[start:].rstrip()


@pytest.mark.parametrize(
    "place", ["start=5", "start=9&end=5", "start=0&end=99999", "start=x&end=y", "start=-1&end=4"]
)
def test_reading_page_says_when_the_place_is_gone(client: FlaskClient, place: str) -> None:
    """A place that does not exist shows the whole document and says so."""
    page = client.get(f"/documents/{UNION}?{place}")
    assert page.status_code == 200
    assert "网址所指的位置不在这份文件里" in visible(page)
    assert 'id="match"' not in page.text


def test_reading_page_leads_from_match_to_match(client: FlaskClient) -> None:
    """Next from the first hit is the second hit's address; back is the result page."""
    links = re.findall(r'class="open" href="([^"]+)"', search(client, q="职工").text)
    first = client.get(links[0].replace("&amp;", "&")).text
    assert re.search(rf'rel="next"[^>]* href="{re.escape(links[1])}"', first)
    assert 'rel="prev"' not in first
    assert re.search(r'class="back" href="/\?q=[^"]+#hit-1"', first)


def test_unknown_document_is_a_page(client: FlaskClient) -> None:
    """A reader gets words and a way on, not a problem document."""
    page = client.get("/documents/none", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "没有这个页面" in visible(page)
    assert "去检索页" in visible(page)


def test_library_tells_what_is_in_and_what_is_not(
    client: FlaskClient, live: Live, home: Home
) -> None:
    """Documents with their counts; files left out with the reason, in the reader's language."""
    (home.documents / "scan.bin").write_bytes(b"\0\1")
    (home.documents / "empty.txt").write_text(" \n")
    live.rebuild()
    wait_for(lambda: live.state.state == "done")
    page = visible(client.get("/library"))
    assert "五年工作报告 union.txt" in page
    assert "有 2 个文件未收录" in page
    assert "empty.txt 没有文字内容" in page
    assert "scan.bin 不支持 .bin 类型" in page
    assert "3 files" not in page
    assert live.searcher is not None
    assert live.searcher.generation in page


def test_rebuild_from_the_page_needs_no_script(client: FlaskClient, live: Live) -> None:
    """The button is a form: it begins a rebuild and comes back to the library."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/library").text)
    assert token
    sent = client.post("/library/rebuild", data={"csrf_token": token[1]})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/library#rebuild")
    wait_for(lambda: live.state.state == "done")
    assert "重建完成" in visible(client.get("/library"))


@pytest.mark.parametrize("path", ["documents", "documents/none/remove", "rebuild"])
def test_address_of_a_change_opens_the_library(client: FlaskClient, path: str) -> None:
    """It is in the address bar where the change was refused; opening it changes nothing."""
    response = client.get(f"/library/{path}")
    assert (response.status_code, response.location) == (303, "/library")


def test_rebuild_is_refused_to_another_site(client: FlaskClient) -> None:
    """A form of another page has no token."""
    sent = client.post(
        "/library/rebuild", data={"csrf_token": "x"}, headers={"Accept": "text/html"}
    )
    assert sent.status_code == 403
    assert "这里不允许这项操作" in visible(sent)


def test_open_page_learns_that_the_index_is_newer(client: FlaskClient) -> None:
    """A page answered from an earlier generation is told so, the current one nothing."""
    newest = client.get("/api/documents").get_json()["generation"]
    assert "本页结果来自更新前的索引" in client.get("/standing/notice?generation=earlier").text
    assert client.get(f"/standing/notice?generation={newest}").text.strip() == ""


def test_page_says_when_no_index_serves(home: Home) -> None:
    """Before the first index a reader sees that it is being prepared."""

    def never() -> None:
        raise AssertionError

    client = create_app(Live(home, never), settings=Settings()).test_client()  # type: ignore[arg-type]
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "索引还没有准备好" in visible(page)
    assert "正在载入模型" in visible(page)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (Overloaded(), 503, "此刻提问的人太多"),
        (SearchTooSlow(), 503, "此刻提问的人太多"),
        (StoreUnavailable("there", "gone"), 503, "索引现在无法回答"),
        (LastDocument("union.txt"), 409, "最后一份文件不能移除"),
        (RebuildRunning("home"), 409, "索引正在重建"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, KBError) else "",
)
def test_page_says_why_it_does_not_answer(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: KBError, status: int, told: str
) -> None:
    """Of one status there are several reasons; that the index is not ready yet is but one."""

    def fails() -> None:
        raise error

    monkeypatch.setattr("web.live.searcher", fails)
    page = client.get("/?q=工会", headers={"Accept": "text/html"})
    assert page.status_code == status
    assert told in visible(page)
    assert "索引还没有准备好" not in visible(page)
    assert "正在载入模型" not in visible(page)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "zh-CN"), ("en-US", "en"), ("zh-TW,zh;q=0.9", "zh-CN"), ("fr", "zh-CN")],
)
def test_language_follows_the_browser(client: FlaskClient, accepted: str, language: str) -> None:
    """Chinese unless the browser asks for English."""
    page = client.get("/library", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}"' in page.text
    assert "Accept-Language" in page.headers["Vary"]


def test_choices_are_remembered_and_lead_back(client: FlaskClient) -> None:
    """A switch sets a cookie, returns to the page it was on, and outweighs the browser."""
    sent = client.post("/preferences", data={"language": "zh", "next": "/library"})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/library")
    client.post("/preferences", data={"theme": "dark"})
    page = client.get("/library", headers=ENGLISH).text
    assert '<html lang="zh-CN" data-theme="dark">' in page


def test_unknown_choices_are_ignored(client: FlaskClient) -> None:
    """A cookie or form that names no theme changes nothing."""
    client.post("/preferences", data={"theme": '"><script>', "language": "tlh"})
    assert 'data-theme="auto"' in client.get("/library").text


@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "evil", ""),
        *("/a\nb", "/\t/evil.example", "/\t/["),
    ],
)
def test_a_switch_does_not_lead_elsewhere(target: str) -> None:
    """Only paths of this site are returned to."""
    assert local_path(target) == "/"


def test_a_path_of_this_site_is_kept() -> None:
    """Query and fragment go along."""
    assert local_path("/?q=a%2Fb&page=2#hit-1") == "/?q=a%2Fb&page=2#hit-1"


def test_markup_in_a_question_stays_text(client: FlaskClient) -> None:
    """A question is shown as typed in the box, the title and the messages."""
    page = search(client, q='"><script>alert(1)</script>{{7*7}}').text
    assert "<script>alert" not in page
    assert "{{7*7}}" in page
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}"' in page


def test_nothing_is_inline(client: FlaskClient) -> None:
    """The content security policy allows no inline script or style, and none is there."""
    for path in ("/", f"/?q={ASKED}", f"/documents/{UNION}", "/library", "/api/docs", "/none"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", page), path
        assert not re.search(r"(?:src|href)=\"https?:", page), path


@pytest.mark.parametrize(
    ("token", "shown"), [("secret", 'name="admin_token"'), ("", "不允许从页面重建")]
)
def test_rebuild_from_other_machines_needs_the_token(live: Live, token: str, shown: str) -> None:
    """Beyond this machine the form asks for the admin token, or is not there at all."""
    settings = Settings(loopback=False, admin_token=token)
    page = create_app(live, settings=settings).test_client().get("/library").text
    assert shown in page
    assert ('<form method="post" action="/library/rebuild">' in page) == bool(token)


def test_large_library_is_chosen_from_in_the_library(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The box does not list hundreds of documents; the library leads back to it."""
    monkeypatch.setitem(client.application.jinja_env.globals, "most_choices", 2)
    assert "<select" not in client.get("/").text
    assert f'href="/?document={UNION}"' in client.get("/library").text
    page = client.get(f"/?document={UNION}").text
    assert f'<input type="hidden" name="document" value="{UNION}">' in page
