"""A result page is light and is there at once."""

from __future__ import annotations

import os
import time

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit

ASKED = "为快递小哥、外卖送餐员提供饮水热饭充电"
MOST_BYTES = 100_000
MOST_MS = 300


def test_result_page_is_light(visit: Visit) -> None:
    """Everything that a first visit loads, the quoted text left out, is below 100 kB."""
    page = visit("/healthz")
    sizes: dict[str, int] = {}
    page.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    page.goto(f"/?q={ASKED}")
    page.wait_for_load_state("networkidle")
    quoted = sum(len(text.encode()) for text in page.locator(".passage").all_text_contents())
    weight = sum(sizes.values()) - quoted
    print(f"result page: {weight:,} bytes in {len(sizes)} requests, {quoted:,} of text besides")
    assert 10_000 < weight < MOST_BYTES


def test_result_page_paints_at_once(visit: Visit) -> None:
    """First contentful paint of a question asked from the home page, the best of a few.

    Other work on the machine only adds to it. The figure of a first visit, with a browser that
    starts its renderer and knows no file of ours, is printed beside it.
    """
    page = visit(f"/?q={ASKED}")
    print(f"first visit: {_painted(page):.0f} ms")
    paints: list[float] = []
    while len(paints) < 15 and min(paints, default=MOST_MS) >= MOST_MS:
        time.sleep(0.5)
        page.goto("/")
        page.goto(f"/?q={ASKED}")
        paints.append(_painted(page))
    print(f"first contentful paint: {[round(paint) for paint in paints]} ms")
    load = os.getloadavg()[0]
    if min(paints) >= MOST_MS and load > 1.5 * (os.cpu_count() or 1):
        pytest.skip(f"the machine is busy (load {load:.1f}): best paint {min(paints):.0f} ms")
    assert min(paints) < MOST_MS


def _painted(page: Page) -> float:
    """Milliseconds from the start of the navigation to the first text or picture."""
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    return float(
        page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    )
