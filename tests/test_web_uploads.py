"""Documents added and removed over HTTP: who may, what is taken, where it ends up."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import docx
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from index import generation
from index.home import Home
from kb.library import document_id
from kb.reading import Reading, read
from tests.clients import client_of, csrf
from tests.conftest import REPORTS
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app, gate
from web.live import Live
from web.settings import Settings

ARTICLE = "工会开展消费帮扶活动\n\n采购对口支援地区农副产品,帮助困难群众增加收入。\n"
HELP = document_id("帮扶.txt")
SPORTS = document_id("sports.txt")


class Unread(io.BytesIO):
    """A body that must not be looked at."""

    def read(self, _size: int | None = -1) -> bytes:
        raise AssertionError("it was read")

    readline = readinto = read  # type: ignore[assignment]


def send(
    client: FlaskClient,
    name: str,
    data: bytes = ARTICLE.encode(),
    *,
    to: str = "/api/documents",
    form: dict[str, str] | None = None,
    **options: Any,
) -> TestResponse:
    fields = {**(form or {}), "file": (io.BytesIO(data), name)}
    return client.post(to, data=fields, content_type="multipart/form-data", **options)


def rebuilt(live: Live, generation: str) -> None:
    wait_for(lambda: live.searcher is not None and live.searcher.generation != generation)
    wait_for(lambda: live.state.state == "done")


def serving(live: Live) -> str:
    assert live.searcher is not None
    return live.searcher.generation


def files(home: Home) -> set[str]:
    return {path.name for path in home.documents.iterdir()}


def test_what_is_uploaded_is_found(client: FlaskClient, live: Live, home: Home) -> None:
    """The file is kept as it came, indexed in the background, and answers questions."""
    before = serving(live)
    response = send(client, "帮扶.txt")
    assert response.status_code == 202
    assert response.headers["Location"] == "/api/rebuild"
    answer = response.get_json()
    assert (answer["id"], answer["name"]) == (HELP, "帮扶.txt")
    assert answer["rebuild"]["state"] in {"running", "done"}
    assert (home.documents / "帮扶.txt").read_bytes() == ARTICLE.encode()
    rebuilt(live, before)
    [hit] = client.get("/api/search?q=消费帮扶&k=1").get_json()["hits"]
    assert hit["document"]["id"] == HELP


def test_what_is_deleted_is_found_no_more(client: FlaskClient, live: Live, home: Home) -> None:
    """File, passages and document are gone after the rebuild."""
    before = serving(live)
    response = client.delete(f"/api/documents/{SPORTS}")
    assert response.status_code == 202
    assert (response.get_json()["id"], response.get_json()["name"]) == (SPORTS, "sports.txt")
    assert "sports.txt" not in files(home)
    rebuilt(live, before)
    assert client.get(f"/api/documents/{SPORTS}").status_code == 404


def test_a_disk_that_takes_no_document_is_told(
    live: Live, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the cause for whoever sits at this machine; others learn no path of it."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    response = send(client_of(live), "帮扶.txt")
    assert response.status_code == 507
    assert response.get_json()["detail"] == (
        f"the server's disk failed: storage failed at {home.documents} (No space left on device): "
        "see to that disk, or choose another folder with --home"
    )
    far = client_of(live, loopback=False, admin_token="t")
    response = send(far, "帮扶.txt", headers={"Authorization": "Bearer t"})
    assert response.get_json()["detail"] == "the server's disk failed: see the server's log"
    assert files(home) == set(REPORTS)


def test_of_several_files_those_before_the_disk_failed_are_indexed(
    client: FlaskClient, live: Live, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says which file is in and which is not, and why; a later one may be in again."""
    before, fsync, calls = serving(live), os.fsync, []

    def full_once(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:  # the first file and its name have been flushed
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    names = ("甲.txt", "乙.txt", "丙.txt")
    sent = {
        "file": [(io.BytesIO(f"{ARTICLE}{name}".encode()), name) for name in names],
        "csrf_token": forms(client)["/library/documents"],
    }
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_once)
        response = client.post("/library/documents", data=sent, content_type="multipart/form-data")
    assert response.status_code == 507
    text = " ".join(re.sub(r"<[^>]*>", " ", response.text).split())
    assert "已添加 甲.txt 丙.txt" in text
    assert "乙.txt 磁盘无法写入：No space left on device" in text
    rebuilt(live, before)
    assert files(home) == {*REPORTS, "甲.txt", "丙.txt"}


@pytest.mark.parametrize("place", ["save", "spool"])
def test_a_disk_that_holds_no_upload_is_told(
    client: FlaskClient, home: Home, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The folder for temporary files: where the form is read, and where the file is looked at."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if place == "save":
        monkeypatch.setattr("werkzeug.datastructures.FileStorage.save", full)
    else:
        monkeypatch.setattr("werkzeug.wrappers.Request._get_file_stream", full)
    response = send(client, "帮扶.txt")
    assert response.status_code == 507
    assert "No space left on device" in response.get_json(force=True)["detail"]
    assert files(home) == set(REPORTS)


def test_the_only_document_stays(client: FlaskClient, live: Live, home: Home) -> None:
    """Without it the index would go on finding what was deleted; the page does not offer it."""
    for name in ("budget.md", "sports.txt"):
        before = serving(live)
        assert client.delete(f"/api/documents/{document_id(name)}").status_code == 202
        rebuilt(live, before)
    response = client.delete(f"/api/documents/{document_id('union.txt')}")
    assert response.status_code == 409
    assert response.get_json()["detail"] == (
        "cannot remove union.txt, the only document: add another first"
    )
    assert files(home) == {"union.txt"}
    page = client.get("/library").get_data(as_text=True)
    assert "/remove" not in page
    assert "这是唯一的一份文件，添加另一份之后才能移除。" in page


@pytest.mark.parametrize("wanted", ["none", "..", "%2e%2e%2fCURRENT", "sports.txt%00"])
def test_an_unknown_document_cannot_be_deleted(
    client: FlaskClient, home: Home, wanted: str
) -> None:
    """404, and no file is touched."""
    assert client.delete(f"/api/documents/{wanted}").status_code == 404
    assert files(home) == set(REPORTS)
    assert generation.current(home) is not None


def test_word_files_are_taken(client: FlaskClient, live: Live) -> None:
    """A format that is packed in a container is read to see that it is what it says."""
    before, data, report = serving(live), io.BytesIO(), docx.Document()
    report.add_heading("困难职工帮扶报告", 0)
    report.add_paragraph("全年发放帮扶资金三百万元,惠及困难职工家庭一千二百户。")
    report.save(data)
    assert send(client, "report.DOCX", data.getvalue()).status_code == 202
    rebuilt(live, before)
    [hit] = client.get("/api/search?q=帮扶资金&k=1").get_json()["hits"]
    assert hit["document"]["title"] == "困难职工帮扶报告"


NAMES = [
    ("../../evil.txt", "evil.txt"),
    ("/etc/passwd.txt", "passwd.txt"),
    (r"..\\..\\evil.txt", "evil.txt"),  # a backslash is written twice in this header
    (r"C:\\Users\\me\\工作 报告.txt", "工作 报告.txt"),
    ("a/../b.txt", "b.txt"),
]


@pytest.mark.parametrize(("sent", "kept"), NAMES)
def test_a_file_name_leads_nowhere(client: FlaskClient, home: Home, sent: str, kept: str) -> None:
    """Folders in the name are dropped; the file lands in the library and nowhere else."""
    outside = {path for path in home.root.parent.rglob("*") if home.documents not in path.parents}
    response = send(client, sent)
    assert response.get_json()["name"] == kept
    assert files(home) == {*REPORTS, kept}
    now = {path for path in home.root.parent.rglob("*.txt") if home.documents not in path.parents}
    assert now <= outside


REFUSED = [
    ("report.exe", ARTICLE.encode(), 422, r"only \.docx .* can be added"),
    ("report", ARTICLE.encode(), 422, r"only \.docx .* can be added"),
    ("old.doc", ARTICLE.encode(), 422, r"only \.docx .* can be added"),
    (".hidden.txt", ARTICLE.encode(), 422, "its name cannot be used: rename it"),
    ("..", ARTICLE.encode(), 422, "its name cannot be used: rename it"),
    ("a\x07b.txt", ARTICLE.encode(), 422, "its name cannot be used: rename it"),
    ("长" * 90 + ".txt", ARTICLE.encode(), 422, "its name cannot be used: rename it"),
    ("empty.txt", b"", 422, "it is empty"),
    ("binary.txt", b"\0\1\2" * 99, 422, "it is binary, not text"),
    ("page.pdf", ARTICLE.encode(), 422, "it is a broken PDF"),
    ("word.docx", b"PK\3\4 nothing", 422, "it is broken: it is not a whole zip container"),
    ("twin.txt", REPORTS["union.txt"].encode(), 409, "the library has it as union.txt"),
    ("union.txt", ARTICLE.encode(), 409, "the library has a document of that name"),
]


@pytest.mark.parametrize(
    ("name", "data", "status", "reason"), REFUSED, ids=lambda value: str(value)[:24]
)
def test_what_is_no_document_is_refused(
    client: FlaskClient, live: Live, home: Home, name: str, data: bytes, status: int, reason: str
) -> None:
    """By its name and by its content; nothing is kept, nothing is rebuilt."""
    response = send(client, name, data)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert re.search(reason, response.get_json(force=True)["detail"])
    assert {name: (home.documents / name).read_text("utf-8") for name in files(home)} == REPORTS
    assert live.state.state == "idle"


def test_a_request_without_a_file_says_so(client: FlaskClient) -> None:
    """Another media type, no field, no file chosen, or two files: each is named."""
    assert client.post("/api/documents", data=b"x").status_code == 415
    assert client.post("/api/documents", json={"file": "x"}).status_code == 415
    twice = {"file": [(io.BytesIO(b"a"), "a.txt"), (io.BytesIO(b"b"), "b.txt")]}
    for data in ({"other": (io.BytesIO(b"x"), "x.txt")}, {"file": (io.BytesIO(), "")}, twice):
        response = client.post("/api/documents", data=data, content_type="multipart/form-data")
        assert response.status_code == 400
        assert response.get_json(force=True)["errors"][0]["parameter"] == "file"


@pytest.mark.parametrize("path", ["/api/documents", "/library/documents"])
def test_a_large_file_is_refused_unread(live: Live, home: Home, path: str) -> None:
    """Its stated length is enough; the limit is that of documents, not that of questions."""
    client = client_of(live, max_body=1000, max_upload=3000)
    assert send(client, "a.txt", ARTICLE.encode() * 10, to=path).status_code in {202, 303}
    response = client.post(
        path,
        headers={"Accept": "application/json"},
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": "3001", "wsgi.input": Unread()},
    )
    assert response.status_code == 413
    assert response.get_json(force=True)["detail"] == "the body is larger than 3000 bytes"
    assert "b.txt" not in files(home)


@pytest.mark.parametrize(
    "fields",
    [{f"field{number}": "x" for number in range(1001)}, {"field": "x" * 500_001}],
    ids=["too many parts", "a long text"],
)
def test_a_form_beyond_its_limits_is_told_so(live: Live, fields: dict[str, str]) -> None:
    """The body is far below its own limit, so that another one is named."""
    response = send(client_of(live), "a.txt", form=fields)
    assert response.status_code == 413
    assert response.get_json(force=True)["detail"] == (
        "the form has more than 1000 parts, or a text of more than 500000 bytes"
    )


def test_documents_added_during_a_rebuild_are_indexed_after_it(
    client: FlaskClient, live: Live, home: Home
) -> None:
    """Whoever adds one file after another waits for none, and every one is found."""
    with generation.alone(home):  # as another process that builds
        for n in range(3):
            name = f"report-{n}.txt"
            assert send(client, name, f"{ARTICLE}第{n}号。".encode()).status_code == 202
        assert live.rebuilds_ended == {"done": 0, "failed": 0}
    wait_for(lambda: live.searcher is not None and len(live.searcher.documents) == 6)


def test_documents_that_take_long_to_read_keep_no_search_waiting(
    live: Live, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few are read at a time, a few wait, and one more is told to come again."""
    app, end, reading = create_app(live, settings=Settings()), threading.Event(), []

    def read_slowly(path: Path, data: bytes) -> Reading:
        reading.append(path.name)
        assert end.wait(20)
        return read(path, data)

    monkeypatch.setattr("kb.changing.read", read_slowly)
    statuses: list[int] = []

    def add(number: int) -> None:
        sent = send(app.test_client(), f"{number}.txt", f"{ARTICLE}{number}".encode())
        statuses.append(sent.status_code)

    most = gate.CHANGING + gate.CHANGES_WAITING
    senders = [threading.Thread(target=add, args=(number,)) for number in range(most + 1)]
    for sender in senders:
        sender.start()
    wait_for(lambda: statuses and len(reading) == gate.CHANGING)
    assert app.test_client().get("/api/search?q=职工").status_code == 200
    assert (statuses, len(reading)) == ([503], gate.CHANGING)
    end.set()
    for sender in senders:
        sender.join()
    assert sorted(statuses) == [202] * most + [503]
    assert len(files(home)) == 3 + most
    wait_for(lambda: live.searcher is not None and len(live.searcher.documents) == 3 + most)


LOCAL = [
    pytest.param({}, 202, id="curl"),
    pytest.param({"Origin": "http://evil.example"}, 403, id="another site's script"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site's form"),
    pytest.param({"Referer": "http://localhost/"}, 403, id="old browser without token"),
    pytest.param({"X-CSRF-Token": "made up"}, 403, id="made-up token"),
    pytest.param({"Authorization": "Bearer guess"}, 401, id="bearer where none is set"),
    pytest.param({"X-Forwarded-For": "192.0.2.7"}, 403, id="through a proxy"),
]


@pytest.mark.parametrize(("headers", "status"), LOCAL)
def test_the_library_is_protected_like_the_rebuild(
    client: FlaskClient, home: Home, headers: dict[str, str], status: int
) -> None:
    """Adding and removing, by the endpoint and by the page; what is refused changes nothing."""
    assert send(client, "帮扶.txt", headers=headers).status_code == status
    assert client.delete(f"/api/documents/{SPORTS}", headers=headers).status_code == status
    if status != 202:
        for path in ("/library/documents", f"/library/documents/{SPORTS}/remove"):
            assert send(client, "帮扶.txt", to=path, headers=headers).status_code == status
        assert files(home) == set(REPORTS)


def test_beyond_this_machine_the_admin_token_is_needed(live: Live, home: Home) -> None:
    """Neither the page's token nor a command suffices; without a token set it is off."""
    far = client_of(live, loopback=False, admin_token="secret")
    token = {"Origin": "http://localhost", "X-CSRF-Token": csrf(far)}
    assert send(far, "帮扶.txt", headers=token).status_code == 401
    assert far.delete(f"/api/documents/{SPORTS}").status_code == 401
    closed = client_of(live, loopback=False)
    assert send(closed, "帮扶.txt").status_code == 403
    assert files(home) == set(REPORTS)
    assert send(far, "帮扶.txt", form={"admin_token": "secret"}).status_code == 202
    bearer = {"Authorization": "Bearer secret"}
    assert far.delete(f"/api/documents/{SPORTS}", headers=bearer).status_code == 202


def test_a_folder_elsewhere_is_only_read(home: Home, tmp_path: Path) -> None:
    """403 says so without naming the folder, and the page offers neither form."""
    live = Live(Home(tmp_path / "other", home.documents), HashEncoder)
    live.start()
    wait_for(lambda: live.searcher is not None)
    client = client_of(live)
    for response in (send(client, "帮扶.txt"), client.delete(f"/api/documents/{SPORTS}")):
        assert response.status_code == 403
        assert json.loads(response.data)["detail"] == "the documents of this server are only read"
    assert "/library/documents" not in client.get("/library").text
    assert files(home) == set(REPORTS)
    assert live.stop()


def forms(client: FlaskClient) -> dict[str, str]:
    """The forms of the library page that change something, with the token each sends."""
    page = client.get("/library").text
    pattern = r'<form[^>]*action="(/library/[^"#]+)[^"]*".*?name="csrf_token" value="([^"]+)"'
    return dict(re.findall(pattern, page, re.DOTALL))


def test_the_page_adds_without_a_script(client: FlaskClient, live: Live, home: Home) -> None:
    """The form of the page is enough: it sends the file and comes back to the library."""
    before = serving(live)
    client.set_cookie("theme", "dark")
    form = {"csrf_token": forms(client)["/library/documents"]}
    response = send(client, "帮扶.txt", to="/library/documents", form=form)
    assert (response.status_code, response.headers["Location"]) == (303, "/library#rebuild")
    rebuilt(live, before)
    assert "帮扶.txt" in client.get("/library").text


def test_the_page_removes_without_a_script(client: FlaskClient, live: Live, home: Home) -> None:
    """Each document has a form of its own."""
    before = serving(live)
    client.set_cookie("theme", "dark")
    path = f"/library/documents/{SPORTS}/remove"
    response = client.post(path, data={"csrf_token": forms(client)[path]})
    assert (response.status_code, response.headers["Location"]) == (303, "/library#rebuild")
    rebuilt(live, before)
    assert "sports.txt" not in client.get("/library").text


def test_the_page_names_what_it_refused(client: FlaskClient, live: Live, home: Home) -> None:
    """Of several files the good ones are taken, the others named with the reason, in Chinese."""
    before = serving(live)
    sent = {
        "file": [
            (io.BytesIO(ARTICLE.encode()), "帮扶.txt"),
            (io.BytesIO(b""), "empty.txt"),
            (io.BytesIO(b"x"), "<b>.exe"),
            (io.BytesIO(REPORTS["union.txt"].encode()), "twin.txt"),
        ],
        "csrf_token": forms(client)["/library/documents"],
    }
    response = client.post("/library/documents", data=sent, content_type="multipart/form-data")
    assert response.status_code == 422
    text = " ".join(re.sub(r"<[^>]*>", " ", response.text).split())
    assert "empty.txt 是空文件" in text
    assert "&lt;b&gt;.exe 只能添加 .docx .htm .html" in text
    assert "twin.txt 文库中已有内容相同的文件 union.txt" in text
    assert "已添加 帮扶.txt" in text
    rebuilt(live, before)
    assert files(home) == {*REPORTS, "帮扶.txt"}
