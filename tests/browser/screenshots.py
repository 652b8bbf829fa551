"""Pictures of the pages: `python -m tests.browser.screenshots [NAME …]`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from index.encoder import load_encoder
from index.home import Home
from tests.browser.chromium import launched
from tests.browser.serving import serving
from web.live import Live

WIDE = (1440, 900)
PHONE = (390, 844)
ASKED = "外卖小哥歇脚的地方"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: what is opened, how wide, in which theme and language."""

    name: str
    path: str
    size: tuple[int, int] = WIDE
    theme: Literal["light", "dark"] = "light"
    language: str = "zh-CN"
    whole: bool = False
    click: str = ""


SHOTS = (
    Shot("home", "/"),
    Shot("search", f"/?q={ASKED}"),
    Shot("search-dark", f"/?q={ASKED}", theme="dark"),
    Shot("search-phone", f"/?q={ASKED}", size=PHONE),
    Shot("search-english", f"/?q={ASKED}", language="en-GB"),
    Shot("why", f"/?q={ASKED}", click=".why summary"),
    Shot("nothing-close", "/?q=火星基地的氧气从哪里来"),
    Shot("reading", f"/?q={ASKED}", click=".hit .open"),
    Shot("reading-dark", f"/?q={ASKED}", theme="dark", click=".hit .open"),
    Shot("reading-phone", f"/?q={ASKED}", size=PHONE, click=".hit .open"),
    Shot("library", "/library"),
    Shot("library-phone", "/library", size=PHONE, theme="dark"),
    Shot("home-phone", "/", size=PHONE, whole=True),
    Shot("home-dark", "/", theme="dark", whole=True),
    Shot("api", "/api/docs"),
    Shot("missing", "/documents/none"),
    Shot("widest", f"/?q={ASKED}", size=(2560, 1300)),
    Shot("reading-widest", f"/?q={ASKED}", size=(2560, 1300), click=".hit .open"),
    Shot("narrowest", f"/?q={ASKED}", size=(360, 740)),
)
README = ("search", "reading", "search-dark", "library", "search-phone", "reading-phone")


def take(browser: Browser, base: str, shot: Shot, folder: Path) -> Path:
    """Take one picture of the server at `base`."""
    width, height = shot.size
    page = browser.new_page(
        base_url=base,
        viewport={"width": width, "height": height},
        device_scale_factor=2 if shot.size == PHONE else 1,
        color_scheme=shot.theme,
        locale=shot.language,
    )
    page.goto(shot.path)
    if shot.click:
        page.locator(shot.click).first.click()
    page.wait_for_load_state("networkidle")
    target = folder / f"{shot.name}.png"
    page.screenshot(path=target, full_page=shot.whole)
    page.close()
    return target


def main() -> None:
    """Build the shipped report's index in `KB_HOME` if need be, and picture its pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("docs"), help="where they go")
    parser.add_argument("--all", action="store_true", help="every picture, not README's alone")
    parser.add_argument("names", nargs="*", default=README, help="or these, by name")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    home = Home.resolve()
    live = Live(home, lambda: load_encoder(home))
    with serving(live, seconds=600) as base, launched() as browser:
        for shot in SHOTS:
            if asked.all or shot.name in asked.names:
                print(take(browser, base, shot, asked.folder))


if __name__ == "__main__":
    main()
