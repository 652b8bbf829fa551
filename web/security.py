"""Who may do what from where: response headers, names of this host, the right to change."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from typing import Literal
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, Forbidden, Unauthorized

from web.settings import Settings, current_settings

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Any of these shows that a proxy lets others in.
PROXIED = (
    *("Forwarded", "Via", "X-Real-IP"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
)
CSRF_SECONDS = 12 * 3600  # a page left open for a working day still works

Access = Literal["open", "token", "off"]


def register(app: Flask, settings: Settings) -> None:
    """Set the headers of every answer, the accepted hosts and the page's CSRF token.

    Where only this machine can reach the server, other names than its own are refused: a
    page of the web could otherwise point its own name here (DNS rebinding) and read the
    library with the visitor's browser.
    """
    app.secret_key = secrets.token_bytes(32)
    if settings.loopback:
        app.before_request(_check_host)
    app.after_request(_with_headers)
    app.jinja_env.globals.update(csrf_token=csrf_token, rebuild_access=rebuild_access)


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, can only mean this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_host() -> None:
    # Flask's TRUSTED_HOSTS cannot hold an IPv6 address. Every browser sends a Host.
    if "Host" not in request.headers:
        return
    name = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(name) and name not in current_settings().trusted_hosts:
        raise BadRequest("this server does not go by the name in Host: see KB_TRUSTED_HOSTS")


def for_the_asker(message: str | None) -> str | None:
    """The message, or for other machines only that the log has it: it may hold paths of ours."""
    if message is None or _from_this_machine():
        return message
    return "see the server's log"


def csrf_token() -> str:
    """A token that only a page of this server can know.

    It is signed, dated and bound to no session: nobody logs in, so the one thing to be kept
    out is another site's form, and another site cannot read our pages.
    """
    return _signer().dumps("rebuild")


def rebuild_access() -> Access:
    """What the page's buttons to rebuild, add and remove need: nothing, the admin token, or off."""
    settings = current_settings()
    if settings.admin_token == "":
        return "off"
    if _from_this_machine():
        return "open"
    return "token" if settings.admin_token else "off"


def _from_this_machine() -> bool:
    """Whether the asker sits here: not where a proxy lets others in by another name."""
    settings = current_settings()
    forwarded = any(name in request.headers for name in PROXIED)
    near = settings.loopback and is_loopback(request.remote_addr or "")
    return near and not settings.trusted_hosts and not forwarded


def authorize_change() -> None:
    """Let the present request change library or index; raises Unauthorized or Forbidden.

    The admin token, as `Authorization: Bearer` or as the form field `admin_token`, always
    suffices. On loopback the page's CSRF token does too; and where no admin token is set, so
    does a request that no browser sent, such as curl's.
    """
    access = rebuild_access()
    if access == "off":
        raise Forbidden(
            "changing library and index over HTTP is off here: set KB_ADMIN_TOKEN, or use 'kb'"
        )
    offered = _offered_token()
    if offered is not None:
        if not _same(offered, current_settings().admin_token):
            raise _unauthorized("this is not the admin token")
        return
    if access == "token":
        raise _unauthorized("the admin token is needed: send Authorization: Bearer")
    if _sent_by_browser() or _offered_csrf():
        _check_same_origin()
        _check_csrf()
    elif current_settings().admin_token:
        raise _unauthorized("the admin token is needed: send Authorization: Bearer")


def _offered_token() -> str | None:
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""
    return request.form.get("admin_token") or None


def _same(offered: str, expected: str | None) -> bool:
    # Bytes, because compare_digest refuses text beyond ASCII; header text arrives as Latin-1.
    if not expected:
        return False
    candidates = {offered.encode("utf-8", "replace"), offered.encode("latin-1", "replace")}
    matches = [hmac.compare_digest(each, expected.encode()) for each in candidates]
    return any(matches)


def _sent_by_browser() -> bool:
    marks = ("Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Referer", "Cookie")
    return any(mark in request.headers for mark in marks) or bool(request.form)


def _check_same_origin() -> None:
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != request.host
    if site not in {"same-origin", "none"} or foreign:
        raise Forbidden("this can only be asked for from this server's own page")


def _offered_csrf() -> str | None:
    return request.headers.get("X-CSRF-Token") or request.form.get("csrf_token")


def _check_csrf() -> None:
    try:
        _signer().loads(_offered_csrf() or "", max_age=CSRF_SECONDS)
    except BadSignature:
        raise Forbidden("the page is too old or not ours: load it again") from None


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="rebuild")


def _unauthorized(reason: str) -> Unauthorized:
    return Unauthorized(reason, www_authenticate=WWWAuthenticate("bearer"))


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-cache")
    return response
