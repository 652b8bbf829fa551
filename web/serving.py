"""`kb serve`: bind the port, answer at once, load or build meanwhile, stop in good order."""

from __future__ import annotations

import errno
import ipaddress
import os
import sys
from collections.abc import Callable

from index.encoder import load_encoder
from index.heap import keep_memory
from index.home import Home
from kb.errors import KBError
from web import create_app, logs
from web.live import Live
from web.security import is_loopback
from web.server import Server
from web.settings import Settings
from web.terminal import Steps


def serve(home: Home, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until told to stop. Raises KBError where the port or the model cannot be had."""
    keep_memory()  # before there are threads
    loopback = is_loopback(host)
    settings = Settings.from_environment(loopback=loopback)
    logs.configure()
    live = Live(home, lambda: load_encoder(home, say), on_first_build=Steps())
    server = _bind(live, settings, host, port)
    server.stop_on_signals()
    say(f"Serving on {_url(host, server.port)} (Ctrl-C to stop)")
    if not loopback and not settings.admin_token:
        say("Reachable from other machines: rebuilding over HTTP is off; set KB_ADMIN_TOKEN.")
    elif settings.admin_token == "":
        say("KB_ADMIN_TOKEN is empty: rebuilding over HTTP is off.")
    live.start()
    server.run(watch=lambda: live.failure is not None)
    stopped = live.stop()
    if live.failure is not None:
        raise live.failure
    say("Stopped.")
    if not stopped:
        # A build in the middle of native code cannot be waited for; what it wrote so far is
        # a draft that nobody reads and the next build goes on from.
        sys.stderr.flush()
        os._exit(0)


def _bind(live: Live, settings: Settings, host: str, port: int) -> Server:
    try:
        return Server(create_app(live, settings=settings), host, port)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            reason = "it is in use: stop the other program or choose another with --port"
        else:
            reason = getattr(error, "strerror", None) or str(error)
        raise KBError(f"cannot listen on port {port} of {host}: {reason}") from error


def _url(host: str, port: int) -> str:
    try:
        anywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        anywhere = False
    return f"http://{'127.0.0.1' if anywhere else _in_url(host)}:{port}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
