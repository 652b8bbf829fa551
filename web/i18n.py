"""Language and theme: chosen by the reader, remembered in a cookie, guessed at the first visit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask, request
from flask_babel import Babel, format_datetime, get_locale
from werkzeug.wrappers import Response

from web.reasons import reason

LANGUAGES = ("zh", "en")
THEMES = ("auto", "light", "dark")
YEAR = 365 * 24 * 3600  # seconds a choice is remembered

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


@dataclass(frozen=True, slots=True)
class Preferences:
    """How this reader wants the page."""

    language: str
    theme: str

    @property
    def tag(self) -> str:
        """The `lang` of what the page itself says."""
        return "zh-CN" if self.language == "zh" else "en"


def init_app(app: Flask) -> None:
    """Translate the templates of `app`; the texts themselves are written in English."""
    Babel(
        app,
        default_locale="zh",
        default_translation_directories=str(Path(__file__).with_name("translations")),
        locale_selector=language,
    )
    app.add_template_filter(language_of)
    app.add_template_filter(local_time)
    app.add_template_filter(reason)


def language() -> str:
    """The cookie's language, else the best of Accept-Language, else Chinese."""
    chosen = request.cookies.get("language")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES, "zh") or "zh"


def preferences() -> Preferences:
    """What the templates ask: the language in use and the theme, `auto` where none was chosen."""
    theme = request.cookies.get("theme", "auto")
    return Preferences(str(get_locale()), theme if theme in THEMES else "auto")


def remember(response: Response, form: Mapping[str, str]) -> Response:
    """Set a cookie for each valid choice in `form`; other values are ignored."""
    for name, known in (("language", LANGUAGES), ("theme", THEMES)):
        if form.get(name) in known:
            response.set_cookie(name, form[name], max_age=YEAR, samesite="Lax", httponly=True)
    return response


def language_of(text: str) -> str:
    """The `lang` of a stretch of a document: Chinese where it has any Han character."""
    return "zh-CN" if _HAN.search(text) else "en"


def local_time(moment: str) -> str:
    """An ISO 8601 moment in the time of this machine, written as the reader's language does."""
    here = datetime.fromisoformat(moment).astimezone()
    return str(format_datetime(here, "medium", rebase=False))


def local_path(target: str) -> str:
    """`target` where it is a path of this site, else `/`: a switch must not lead elsewhere."""
    leads_away = target.startswith("//") or "\\" in target or any(ord(c) < 32 for c in target)
    return target if target.startswith("/") and not leads_away else "/"
