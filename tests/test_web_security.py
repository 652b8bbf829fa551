"""Who may do what from where: headers, host names, the right to rebuild, settings, shares."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from kb.errors import BadSetting
from tests.clients import client_of, csrf
from tests.waiting import wait_for
from web import create_app, security
from web.live import Live
from web.settings import RATE_LIMIT, Settings

PATHS = [
    ("GET", "/", 200),
    ("GET", "/static/css/base.css", 200),
    ("GET", "/nothing", 404),
    ("GET", "/healthz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/api/search?q=职工", 200),
    ("GET", "/api/search", 400),
    ("DELETE", "/api/search", 405),
    ("GET", "/api/documents/none", 404),
    ("OPTIONS", "/api/rebuild", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_every_answer_carries_the_headers(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """Pages, files, data and errors alike."""
    response = client.open(path, method=method)
    assert response.status_code == status
    assert {name: response.headers[name] for name in security.HEADERS} == security.HEADERS
    response.close()
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "Server" not in response.headers
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("kb.example.org", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.nip.example", 400),
        ("[::2]", 400),
        ("[", 400),
        ("", 400),
    ],
)
def test_only_names_of_this_host_are_answered_on_loopback(
    live: Live, host: str, status: int
) -> None:
    """A name of the web that points here (DNS rebinding) can neither read nor rebuild."""
    client = client_of(live, trusted_hosts=("kb.example.org",))
    for path in ("/api/documents", "/"):
        assert client.get(path, headers={"Host": host}).status_code == status
    refused = client.post("/api/rebuild", headers={"Host": host})
    assert refused.status_code == (403 if status == 200 else 400)  # a named host is a proxy's


def test_any_name_is_answered_beyond_loopback(live: Live) -> None:
    """A server that others reach goes by names we cannot know."""
    client = client_of(live, loopback=False)
    assert client.get("/healthz", headers={"Host": "kb.example.org"}).status_code == 200


LOCAL = [
    pytest.param({}, 202, id="curl"),
    pytest.param({"Origin": "http://evil.example"}, 403, id="another site's script"),
    pytest.param({"Origin": "null"}, 403, id="sandboxed page"),
    pytest.param({"Origin": "http://[::1"}, 403, id="half an address"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site's form"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="another port of this host"),
    pytest.param({"Origin": "http://localhost"}, 403, id="own origin without token"),
    pytest.param({"Referer": "http://localhost/"}, 403, id="old browser without token"),
    pytest.param({"X-CSRF-Token": "made up"}, 403, id="made-up token"),
    pytest.param({"Authorization": "Bearer "}, 401, id="empty bearer"),
    pytest.param({"Authorization": "Bearer guess"}, 401, id="bearer where none is set"),
    pytest.param({"Authorization": "Basic eDp5"}, 401, id="another scheme"),
]


@pytest.mark.parametrize(("headers", "status"), LOCAL)
def test_rebuild_on_loopback(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    """A command on this machine may; a browser may only from the page."""
    assert client.post("/api/rebuild", headers=headers).status_code == status


def test_a_browser_that_says_little_cannot_rebuild(client: FlaskClient) -> None:
    """A form or a cookie is a browser's, whatever headers it lacks."""
    assert client.post("/api/rebuild", data={"x": "1"}).status_code == 403
    client.set_cookie("theme", "dark")
    assert client.post("/api/rebuild").status_code == 403


@pytest.mark.parametrize("way", ["header", "form"])
def test_the_pages_token_may_rebuild(client: FlaskClient, live: Live, way: str) -> None:
    """From the page it suffices, but not in another site's hands."""
    token = csrf(client)
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    form = {}
    if way == "header":
        headers["X-CSRF-Token"] = token
    else:
        form["csrf_token"] = token
    elsewhere = {**headers, "Origin": "http://evil.example"}
    assert client.post("/api/rebuild", headers=elsewhere, data=form).status_code == 403
    assert client.post("/api/rebuild", headers=headers, data=form).status_code == 202
    wait_for(lambda: live.state.state == "done")


def test_an_old_or_foreign_token_is_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token ends with its day, and one signed for another purpose or by another server fails."""
    key = client.application.secret_key
    assert key is not None
    foreign = [
        URLSafeTimedSerializer(b"another key", salt="rebuild").dumps("rebuild"),
        URLSafeTimedSerializer(key, salt="other").dumps("rebuild"),
    ]
    old = csrf(client)
    monkeypatch.setattr(security, "CSRF_SECONDS", -1)
    for token in [*foreign, old]:
        assert client.post("/api/rebuild", headers={"X-CSRF-Token": token}).status_code == 403


ADMIN = "密码 öß$ecret"


@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        ({}, {}, 401),
        ({"Authorization": "Bearer "}, {}, 401),
        ({"Authorization": "Bearer wrong"}, {}, 401),
        ({"Authorization": "Bearer \xff\xfe"}, {}, 401),
        ({"Authorization": ADMIN}, {}, 401),
        ({"Authorization": "Bearer " + ADMIN.encode().decode("latin-1")}, {}, 202),
        ({"Authorization": "bearer " + ADMIN.encode().decode("latin-1")}, {}, 202),
        ({}, {"admin_token": "wrong"}, 401),
        ({}, {"admin_token": ADMIN}, 202),
    ],
)
def test_the_admin_token_may_rebuild(
    live: Live, loopback: bool, headers: dict[str, str], form: dict[str, str], status: int
) -> None:
    """Where one is set, a request that is not the page's needs it, in any script."""
    client = client_of(live, loopback=loopback, admin_token=ADMIN)
    response = client.post("/api/rebuild", headers=headers, data=form)
    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.content_type == "application/problem+json"


def test_the_pages_token_is_not_enough_for_other_machines(live: Live) -> None:
    """Whoever may read over the network may not therefore rebuild."""
    client = client_of(live, loopback=False, admin_token="secret")
    headers = {"Origin": "http://localhost", "X-CSRF-Token": csrf(client)}
    assert client.post("/api/rebuild", headers=headers).status_code == 401
    local = client_of(live, loopback=True, admin_token="secret")
    headers["X-CSRF-Token"] = csrf(local)
    assert local.post("/api/rebuild", headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("loopback", "admin_token", "access"),
    [
        (True, None, "open"),
        (True, "secret", "open"),
        (True, "", "off"),
        (False, None, "off"),
        (False, "", "off"),
        (False, "secret", "token"),
    ],
)
def test_rebuild_access_is_known_to_the_page(
    live: Live, loopback: bool, admin_token: str | None, access: str
) -> None:
    """An empty token closes it everywhere; beyond loopback it is off unless a token is set."""
    app = create_app(live, settings=Settings(loopback=loopback, admin_token=admin_token))
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        assert security.rebuild_access() == access
    if access == "off":
        for headers in ({}, {"Authorization": "Bearer "}, {"X-CSRF-Token": "x"}):
            response = app.test_client().post("/api/rebuild", headers=headers)
            assert response.status_code == 403


@pytest.mark.parametrize("header", security.PROXIED)
def test_behind_a_proxy_the_admin_token_is_needed(live: Live, header: str) -> None:
    """A proxy on this machine speaks for others: its requests are not this machine's."""
    proxied = {header: "for=192.0.2.7"}
    client = client_of(live)
    assert client.post("/api/rebuild", headers=proxied).status_code == 403
    named = client_of(live, trusted_hosts=("kb.example.org",), admin_token="secret")
    assert named.post("/api/rebuild", headers={"X-CSRF-Token": csrf(named)}).status_code == 401
    client = client_of(live, admin_token="secret")
    token = {"X-CSRF-Token": csrf(client)}
    assert client.post("/api/rebuild", headers={**proxied, **token}).status_code == 401
    far = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.post("/api/rebuild", headers=token, environ_base=far).status_code == 401
    allowed = {**proxied, "Authorization": "Bearer secret"}
    assert client.post("/api/rebuild", headers=allowed).status_code == 202


def test_rebuild_is_post_only(client: FlaskClient, live: Live) -> None:
    """Reading the state starts nothing."""
    client.get("/api/rebuild")
    client.head("/api/rebuild")
    assert client.put("/api/rebuild").status_code == 405
    assert live.state.state == "idle"


def test_an_address_has_a_share(live: Live) -> None:
    """Beyond loopback it is enforced with 429 and Retry-After, for health checks never."""
    client = client_of(live, loopback=False, rate_limit="3/minute")
    assert [client.get("/api/documents").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/api/search?q=a")
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert client.get("/healthz").status_code == 200
    other = client.get("/api/documents", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 200


def test_loopback_has_no_share(live: Live) -> None:
    """One's own machine may ask as often as it likes."""
    client = client_of(live, rate_limit="1/hour")
    assert {client.get("/api/documents").status_code for _ in range(5)} == {200}


def test_settings_come_from_the_environment() -> None:
    """Each variable has its place; what is not set has its default."""
    assert Settings.from_environment(environ={}) == Settings()
    assert Settings.from_environment(
        loopback=False,
        environ={
            "KB_ADMIN_TOKEN": "secret",
            "KB_TRUSTED_HOSTS": "kb.example.org, reports.example",
            "KB_LOG_QUERIES": "1",
            "KB_RATE_LIMIT": "5/second",
        },
    ) == Settings(
        loopback=False,
        admin_token="secret",
        trusted_hosts=("kb.example.org", "reports.example"),
        log_queries=True,
        rate_limit="5/second",
    )
    assert Settings.from_environment(environ={"KB_ADMIN_TOKEN": ""}).admin_token == ""


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("KB_LOG_QUERIES", "yes", "0 or 1"),
        ("KB_RATE_LIMIT", "often", f"a rate such as {RATE_LIMIT}"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str, wanted: str) -> None:
    """The variable, its value and what was wanted stand in the message."""
    with pytest.raises(BadSetting) as caught:
        Settings.from_environment(environ={name: value})
    assert (caught.value.name, caught.value.value) == (name, value)
    assert str(caught.value) == f"{name}={value!r} is not {wanted}"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - a value to be told apart, nothing is bound
        ("::", False),
        ("192.168.1.5", False),
        ("kb.example.org", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_known(host: str, loopback: bool) -> None:
    """Only what no other machine can reach counts as loopback."""
    assert security.is_loopback(host) is loopback
