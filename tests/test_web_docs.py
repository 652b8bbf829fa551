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


def test_every_variable_read_is_told() -> None:
    """What can be set is found by who reads the pages, not the code."""
    sources = [path for each in ("kb", "index", "web") for path in ROOT.glob(f"{each}/**/*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    read = {*re.findall(r'environ\.get\("(\w+)"', code), *re.findall(r'"(KB_[A-Z_]+)"', code)}
    told = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(read) >= 10
    assert {name for name in read if f"`{name}" not in told and f" {name}=" not in told} == set()


def test_both_readmes_show_the_same_figures() -> None:
    """Row by row, whatever the language of the row."""

    def figures(page: str) -> list[list[str]]:
        rows = re.findall(r"^\|.*\d.*\|$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        return [re.findall(r"(?<=[ *])[\d.,]*\d(?=[ *])", row.partition(" | ")[2]) for row in rows]

    assert figures("README.md") == figures("README.zh.md")
    assert len(figures("README.md")) > 15


def test_the_chinese_page_is_set_in_chinese_punctuation() -> None:
    """Commas, colons and brackets beside Chinese words are as wide as these."""
    text = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)
    assert re.findall("[\u4e00-\u9fff][,:;?()].{0,9}|.{0,9}[,:;?()][\u4e00-\u9fff]", prose) == []


def test_an_index_is_copied_before_the_store_is_named() -> None:
    """`kb copy` reads from the store that `KB_STORE` names: once it is set, that is the new one."""
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert page.index("kb copy --to milvus") < page.index("export KB_STORE=")


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
