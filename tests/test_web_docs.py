"""What the documentation shows exists: every command, every option, every variable."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from web import gate
from web.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [
    path
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    if path.name != "CHANGELOG.md"
]

# In code, fenced or inline: `kb build --force`, `KB_HOME=… kb serve`; up to the end of the command.
SHOWN = re.compile(r"(?:^|[`$ ])kb +([a-z]+)((?: +[^`\n|#&;>]+)?)", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def _shown(page: Path) -> list[tuple[str, str]]:
    code = CODE.findall(page.read_text(encoding="utf-8"))
    return [found for piece in code for found in SHOWN.findall(piece)]


def _options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_exists(page: Path) -> None:
    """A reader who types what a page shows is not told that it does not exist."""
    for name, rest in _shown(page):
        assert name in main.commands, f"{page.name} shows kb {name}"
        given = set(re.findall(r"(?:^|[ \[])(--?[a-z][a-z-]*)", rest))
        unknown = given - _options(main.commands[name])
        assert not unknown, f"{page.name} shows kb {name} {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_shown_is_read(page: Path) -> None:
    """An environment variable that a page names is one that the program reads."""
    folders = ("index", "web", "tests")
    sources = [*(f for each in folders for f in ROOT.glob(f"{each}/*.py")), ROOT / "Makefile"]
    code = "".join(path.read_text(encoding="utf-8") for path in sources if path.exists())
    for variable in re.findall(r"\bKB_[A-Z_]+", page.read_text(encoding="utf-8")):
        assert variable in code, f"{page.name} names {variable}"


def test_the_limits_promised_are_those_kept() -> None:
    """How many searches and changes run and wait."""
    words = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
    assert f"{gate.RUNNING} searches run and {gate.WAITING} wait" in words
    assert (
        f"{gate.CHANGING} documents are added or removed and {gate.CHANGES_WAITING} wait" in words
    )
    assert f"together have {gate.SECONDS:.0f} seconds, then 503" in words


def test_the_search_for_commands_finds_them(tmp_path: Path) -> None:
    """The test itself sees fenced, inline and piped commands, and their options."""
    page = tmp_path / "page.md"
    page.write_text(
        'Run `kb build --force`, then:\n```sh\nkb search "问题" -k 5 --json | jq .\n'
        "$ KB_HOME=x kb serve --port 1\n```\nkb is a word here.\n"
    )
    assert _shown(page) == [
        ("build", " --force"),
        ("search", ' "问题" -k 5 --json '),
        ("serve", " --port 1"),
    ]
