"""What the operator decides, read from the environment in this one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from flask import current_app
from limits import parse_many

from kb.errors import BadSetting
from kb.library import MAX_BYTES

RATE_LIMIT = "600/minute"  # an address that types, reads and pages never gets near it


@dataclass(frozen=True, slots=True)
class Settings:
    """How the application behaves on this network.

    `loopback` is true where only this machine can reach the server: then a rebuild needs no
    admin token, requests are not counted against `rate_limit` (an address's share, in the
    notation of the limits library), and only loopback names and `trusted_hosts` are accepted
    as Host. `admin_token` is None when unset; the empty string closes rebuilding over HTTP
    altogether, so that a value forgotten in a deployment file never opens it. `max_body` is
    in bytes, `max_upload` likewise for a document that is added, `max_url` in bytes of the
    query string.
    """

    loopback: bool = True
    admin_token: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    log_queries: bool = False
    rate_limit: str = RATE_LIMIT
    max_body: int = 1 << 20
    max_upload: int = MAX_BYTES + (1 << 20)  # the largest document, and the form around it
    max_url: int = 16_384

    @property
    def changeable(self) -> bool:
        """Whether anybody at all may change library or index over HTTP."""
        return self.admin_token != "" and (self.loopback or self.admin_token is not None)

    @classmethod
    def from_environment(
        cls, *, loopback: bool = True, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Read `KB_ADMIN_TOKEN`, `KB_TRUSTED_HOSTS`, `KB_LOG_QUERIES` and `KB_RATE_LIMIT`.

        Raises BadSetting.
        """
        values = os.environ if environ is None else environ
        return cls(
            loopback=loopback,
            admin_token=values.get("KB_ADMIN_TOKEN"),
            trusted_hosts=tuple(values.get("KB_TRUSTED_HOSTS", "").replace(",", " ").split()),
            log_queries=_switch(values, "KB_LOG_QUERIES"),
            rate_limit=_rate(values, "KB_RATE_LIMIT"),
        )


def current_settings() -> Settings:
    """The settings of the running application."""
    settings: Settings = current_app.extensions["kb_settings"]
    return settings


def _switch(values: Mapping[str, str], name: str) -> bool:
    value = values.get(name, "0") or "0"
    if value not in {"0", "1"}:
        raise BadSetting(name, value, "0 or 1")
    return value == "1"


def _rate(values: Mapping[str, str], name: str) -> str:
    value = values.get(name) or RATE_LIMIT
    try:
        parse_many(value)
    except ValueError:
        raise BadSetting(name, value, f"a rate such as {RATE_LIMIT}") from None
    return value
