"""What the operator decides, read from the environment in this one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How the application behaves on this network.

    `loopback` is true where only this machine can reach the server: then a rebuild needs no
    admin token, requests are not counted against a rate limit, and only loopback names are
    accepted as Host. `admin_token` is None when unset; the empty string closes rebuilding
    over HTTP altogether, so that a forgotten value in a deployment file never opens it.
    `max_body` is in bytes, `max_url` in bytes of path and query.
    """

    loopback: bool = True
    admin_token: str | None = None
    log_queries: bool = False
    max_body: int = 1 << 20
    max_url: int = 16_384

    @classmethod
    def from_environment(
        cls, *, loopback: bool = True, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Read `KB_ADMIN_TOKEN` and `KB_LOG_QUERIES` (1 to log them)."""
        values = os.environ if environ is None else environ
        return cls(
            loopback=loopback,
            admin_token=values.get("KB_ADMIN_TOKEN"),
            log_queries=values.get("KB_LOG_QUERIES", "") == "1",
        )
