"""What the commands share: their options, the home they mean, how they speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from index.build import BuildReport
    from index.home import Home

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def home_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--home` and `--documents`, which may stand before or after the command's name."""
    folder = click.Path(path_type=Path, file_okay=False)
    for name, meaning in (
        ("documents", "Index this folder, which is only read.  [env: KB_DOCUMENTS]"),
        ("home", "Keep documents, model and index here.  [env: KB_HOME]"),
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


def build_index(home: Home, *, force: bool = False) -> BuildReport:
    """Index the library, with progress on stderr."""
    from contextlib import closing

    from index.build import build
    from index.encoder import load_encoder
    from web.terminal import Steps

    encoder = load_encoder(home, say)
    with closing(Steps()) as steps:
        return build(home, encoder, force=force, progress=steps)


def say(line: str) -> None:
    """A line on stderr."""
    click.echo(line, err=True)


def print_json(value: object) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))
