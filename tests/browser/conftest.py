"""A real server on a free port and a real Chromium; tests skip where the browser is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.build import build
from index.home import Home
from kb.changing import install_shipped
from tests.browser.serving import serving
from tests.fakes import HashEncoder
from web.live import Live

playwright = pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page  # noqa: E402

from tests.browser.chromium import executable, launched  # noqa: E402

Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if executable() is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium: apt-get install chromium"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over the shipped report."""
    root = tmp_path_factory.mktemp("site")
    home = Home(root, root / "documents")
    install_shipped(home.documents)
    encoder = HashEncoder()
    build(home, encoder)
    with serving(Live(home, lambda: encoder)) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with launched() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """Opens pages in fresh contexts; fails the test on console errors and foreign requests.

    `ignoring` names what a console message may hold, for tests that cause an error.
    """
    opened: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        path: str = "/", *, base: str = site, ignoring: str = "\0", **options: Any
    ) -> Page:
        context = browser.new_context(base_url=base, **{"locale": "zh-CN", **options})
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                faults.append(f"console: {message.text}")
                if message.type in ("error", "warning") and ignoring not in message.text
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                faults.append(f"foreign request: {request.url}")
                if not request.url.startswith((base, "data:"))
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_page
    for context in opened:
        context.close()
    assert faults == []
