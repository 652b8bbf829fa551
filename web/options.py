"""What the commands share: their options, the home they mean, how they speak."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.errors import LibraryEmpty
from web.printable import printable_json

if TYPE_CHECKING:
    from index.build import BuildReport
    from index.encoder import Encoder
    from index.home import Home
    from index.workers import Workers

# What a terminal takes for an order, and what turns the direction of all that follows.
_ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def home_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--home` and `--documents`, which may stand before or after the command's name."""
    folder = click.Path(path_type=Path, file_okay=False)
    for name, meaning in (
        ("documents", "Index this folder, which is only read.  [env: KB_DOCUMENTS]"),
        (
            "home",
            "Keep documents, model and index here, by default in your user data folder.  "
            "[env: KB_HOME]",
        ),
    ):
        command = click.option(
            f"--{name}", type=folder, metavar="DIR", help=meaning, expose_value=False,
            callback=_remember,
        )(command)  # fmt: skip
    return command


def _remember(ctx: click.Context, option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(dict)[option.name] = value


def home_of(ctx: click.Context) -> Home:
    """The home that the options or the environment name."""
    from index.home import Home

    return Home.resolve(ctx.obj.get("home"), ctx.obj.get("documents"))


def require_documents(home: Home) -> None:
    """Raise `LibraryEmpty` where a folder was named and is not there."""
    if not home.owns_documents and not home.documents.is_dir():
        raise LibraryEmpty(home.documents)


def build_index(home: Home, *, force: bool = False, ray: str | None = None) -> BuildReport:
    """Index the library, with progress on stderr; on the Ray at an address, "" for one of its own.

    None stands for this process.
    """
    from index.build import build
    from index.encoder import load_encoder
    from web.terminal import Steps

    require_documents(home)
    encoder = load_encoder(home, say)
    with _workers(home, encoder, ray) as workers, closing(Steps()) as steps:
        return build(home, encoder, force=force, progress=steps, workers=workers)


@contextmanager
def _workers(home: Home, encoder: Encoder, ray: str | None) -> Iterator[Workers | None]:
    if ray is None:
        yield None
        return
    from index.spreading import spread

    with spread(home, encoder, ray or None) as workers:
        yield workers


def say(line: str) -> None:
    """A line on stderr."""
    click.echo(visible(line), err=True)


def visible(text: str) -> str:
    """A text of a document, or a name, as it may be shown on a terminal; of the same length."""
    return _ORDERS.sub("\N{REPLACEMENT CHARACTER}", text)


def print_json(value: object) -> None:
    """One JSON object on stdout, on a line that orders no terminal about."""
    line = printable_json(value, default=str)
    try:
        line.encode(sys.stdout.encoding)
    except UnicodeEncodeError:  # as a Chinese Windows has it in a pipe: the same in ASCII
        line = json.dumps(value, default=str)
    click.echo(line)


def print_what_can_be() -> None:
    r"""Let characters that stdout and stderr do not have through as `\uXXXX`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
