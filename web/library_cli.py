"""The library by hand: `kb add`, `kb remove`, `kb list`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kb.errors import (
    DocumentExists,
    DocumentUnreadable,
    KBError,
    LastDocument,
    StorageFailed,
    UnknownDocument,
)
from web.options import (
    build_index,
    home_of,
    home_options,
    json_option,
    print_json,
    require_documents,
    say,
    visible,
)

if TYPE_CHECKING:
    from index.build import BuildReport
    from index.home import Home
    from kb.library import Source
    from web.shelf import Holding

T = TypeVar("T")

_REFUSALS = (DocumentExists, DocumentUnreadable, LastDocument, StorageFailed, UnknownDocument)

build_option = click.option(
    "--build/--no-build", "builds", default=True,
    help="Index the library afterwards, so that searches know of it.  [default: build]",
)  # fmt: skip


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@build_option
@json_option
@home_options
@click.pass_context
def add(ctx: click.Context, files: tuple[Path, ...], builds: bool, as_json: bool) -> None:
    """Copy each FILE into the library and index it.

    A .docx, .pdf, .html, .md or .txt file of up to 64 MB. What is refused is named, the others
    are added, and the exit status is 1.
    """
    from web import shelf

    home = home_of(ctx)
    done, refused = _each(files, lambda file: shelf.add(home, file))
    _finish(home, "added", done, refused, builds, as_json)


@click.command()
@click.argument("wanted", nargs=-1, required=True, metavar="ID...")
@build_option
@json_option
@home_options
@click.pass_context
def remove(ctx: click.Context, wanted: tuple[str, ...], builds: bool, as_json: bool) -> None:
    """Delete documents from the library and from the index.

    Each by its ID or file name, as 'kb list' has them. The last one that can be read stays.
    """
    from web import shelf

    home = home_of(ctx)
    done, refused = _each(wanted, lambda each: shelf.remove(home, each))
    _finish(home, "removed", done, refused, builds, as_json)


@click.command("list")
@json_option
@home_options
@click.pass_context
def list_documents(ctx: click.Context, as_json: bool) -> None:
    """List the library, and whether the index has it as it is.

    Each file is indexed, new, changed, removed (from the library, not yet from the index) or left
    out, with the reason.
    """
    from web import shelf

    home = home_of(ctx)
    require_documents(home)
    found = shelf.holdings(home)
    if as_json:
        print_json({"documents": [_as_json(each) for each in found]})
        return
    for each in found:
        click.echo(visible(_line(each)))
    if any(each.state in {"new", "changed", "removed"} for each in found):
        say("The index does not have all of it as it is: run 'kb build'")


def _each(things: Iterable[T], act: Callable[[T], Source]) -> tuple[list[Source], list[str]]:
    """Act on every one, whatever becomes of the others; what was done, and why not."""
    done, refused = [], []
    for thing in things:
        try:
            done.append(act(thing))
        except _REFUSALS as error:
            refused.append(str(error))
    return done, refused


def _finish(
    home: Home, word: str, done: list[Source], refused: list[str], builds: bool, as_json: bool
) -> None:
    """Say what was done, index it, and end with status 1 where something was refused."""
    if not as_json:
        for source in done:
            click.echo(visible(f"{word:11} {source.id} {source.name}"))
    for reason in refused:
        say(f"Error: {reason}")
    report = _built(home, word) if builds and done else None
    _tell(word, done, refused, report, as_json)
    if refused:
        sys.exit(1)


def _built(home: Home, word: str) -> BuildReport:
    try:
        return build_index(home)
    except KBError as error:
        raise KBError(f"{word}, but not indexed: {error}") from error


def _tell(
    word: str, done: list[Source], refused: list[str], report: BuildReport | None, as_json: bool
) -> None:
    from web import answers
    from web.terminal import build_summary

    if as_json:
        named = [{"id": source.id, "name": source.name} for source in done]
        built = answers.build(report) if report else None
        print_json({word: named, "refused": refused, "build": built})
    elif report:
        click.echo(build_summary(report))
    elif done:
        say("The index does not know of it yet: run 'kb build'")


def _line(holding: Holding) -> str:
    summary = holding.summary
    title = ", ".join([summary.title, *summary.stated]) if summary else holding.reason
    return f"{holding.id}  {holding.state:9} {holding.name}" + (f"  {title}" if title else "")


def _as_json(holding: Holding) -> dict[str, Any]:
    from web import answers

    known = answers.summary(holding.summary) if holding.summary else None
    return {
        "id": holding.id,
        "name": holding.name,
        "state": holding.state,
        "reason": holding.reason,
        "indexed": known,
    }
