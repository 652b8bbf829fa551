"""A whole first use behind a wall: only loopback can be reached, every other attempt is told.

Run as `python -m tests.offline_process QUESTION` with an empty `KB_HOME`; prints one JSON object.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any

attempts: list[str] = []


def is_near(host: object) -> bool:
    """Loopback by name or number, or no host at all."""
    if host in {None, "", b"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def guarded(
    name: str, real: Callable[..., Any], host_of: Callable[..., object]
) -> Callable[..., Any]:
    """`real`, refusing and remembering hosts beyond the wall."""

    def call(*args: Any, **kwargs: Any) -> Any:
        host = host_of(*args)
        address = host[0] if isinstance(host, tuple) else host
        if not is_near(address):
            attempts.append(f"{name} {host}")
            raise OSError(f"beyond the wall: {host}")
        return real(*args, **kwargs)

    return call


class Socket(socket.socket):
    """Connects to loopback alone."""

    connect = guarded("connect", socket.socket.connect, lambda _self, address: address)
    connect_ex = guarded("connect", socket.socket.connect_ex, lambda _self, address: address)


def build_wall() -> list[str]:
    """Put the wall up and try it; returns what it told of the trial."""
    socket.getaddrinfo = guarded("getaddrinfo", socket.getaddrinfo, lambda host, *_: host)
    socket.gethostbyname = guarded("gethostbyname", socket.gethostbyname, lambda host: host)
    socket.socket = Socket  # type: ignore[misc]
    with suppress(OSError):
        socket.create_connection(("example.org", 80))
    with suppress(OSError), socket.socket() as trial:
        trial.connect(("192.0.2.1", 80))  # an address for documentation, RFC 5737
    told = attempts.copy()
    attempts.clear()
    return told


def first_use(question: str) -> dict[str, object]:
    """Model, build, search, page: as `kb serve` does them, over loopback."""
    from index.build import build
    from index.encoder import load_encoder
    from index.home import Home
    from tests.waiting import wait_for
    from web import create_app
    from web.live import Live
    from web.server import Server
    from web.settings import Settings

    home = Home.resolve()
    announced: list[str] = []
    encoder = load_encoder(home, announced.append)
    report = build(home, encoder)
    live = Live(home, lambda: encoder)
    live.start()
    wait_for(lambda: live.searcher is not None)
    server = Server(create_app(live, settings=Settings()), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    base = f"http://127.0.0.1:{server.port}"
    query = urllib.parse.urlencode({"q": question})
    try:
        answer = json.loads(fetched(f"{base}/api/search?{query}"))
        page = fetched(f"{base}/?{query}")
        fetched(f"{base}{answer['hits'][0]['url']}")
    finally:
        server.stop()
        thread.join()
        live.stop()
    return {
        "announced": announced,
        "encoded": report.encoded,
        "generation": report.generation,
        "served": answer["generation"],
        "first": answer["hits"][0]["passage"]["text"],
        "page": page,
        "attempts": attempts,
    }


def fetched(url: str) -> str:
    """The body of a page that is there."""
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - loopback
        return str(response.read().decode())


if __name__ == "__main__":
    wall = build_wall()
    print(json.dumps({**first_use(sys.argv[1]), "wall": wall}))
