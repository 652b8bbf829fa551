"""The command `kb`. Heavy imports wait inside the commands, so that help comes at once."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from kb.errors import BadSetting, KBError
from web.library_cli import add, list_documents, remove
from web.options import (
    build_index,
    home_of,
    home_options,
    json_option,
    print_json,
    print_what_can_be,
    say,
    visible,
)
from web.search_cli import evaluate, search


class Commands(click.Group):
    """Turns what the project finds wrong into one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KBError as error:
            raise click.ClickException(visible(str(error))) from error
        except BrokenPipeError:  # a reader such as head has seen enough: click knows what to do
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or error}") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="report-kb")
@home_options
@click.pass_context
def main(ctx: click.Context) -> None:
    """Ask long reports a question; get back the exact passages that answer it.

    Results go to stdout, all else to stderr. Exit status: 0 done, 1 failed, with lines that say
    why and what to do, 2 wrong usage.
    """
    print_what_can_be()
    ctx.ensure_object(dict)


@main.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 lets other machines ask.",
)
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)  # fmt: skip
@home_options
@click.pass_context
def serve(ctx: click.Context, host: str, port: int) -> None:
    """Serve the page and the HTTP API.

    Builds first when there is no index, and follows an index that another process builds.
    KB_ADMIN_TOKEN, KB_TRUSTED_HOSTS, KB_RATE_LIMIT and KB_LOG_QUERIES are for servers that others
    reach: SECURITY.md explains them.
    """
    from web.serving import serve as run

    address = host.removeprefix("[").removesuffix("]")  # of IPv6, as URLs have it
    run(home_of(ctx), address, port, say)


@main.command()
@click.option("--force", is_flag=True, help="Embed everything anew.")
@click.option(
    "--ray",
    metavar="[HOST:PORT]",
    is_flag=False,
    flag_value="",
    help="Share the work among a Ray cluster; without an address, among processes here.",
)
@json_option
@home_options
@click.pass_context
def build(ctx: click.Context, force: bool, ray: str | None, as_json: bool) -> None:
    """Index the documents: a new generation takes the old one's place.

    Only what changed is embedded again. Files that cannot be read are left out and named.
    """
    from web import answers
    from web.terminal import build_summary

    report = build_index(home_of(ctx), force=force, ray=ray)
    if as_json:
        print_json(answers.build(report))
    else:
        click.echo(build_summary(report))


@main.command()
@home_options
@click.pass_context
def rollback(ctx: click.Context) -> None:
    """Make the previous generation of the index current again.

    A second time brings the newer one back. Documents are not touched.
    """
    from index.stores import store_of

    click.echo(store_of(home_of(ctx)).rollback())


@main.command()
@click.option(
    "--to", "target", required=True, metavar="STORE",
    help="Where to: 'local', or an address such as milvus+http://HOST:19530.",
)  # fmt: skip
@home_options
@click.pass_context
def copy(ctx: click.Context, target: str) -> None:
    """Copy the index to another store, check it, make it current.

    It is taken from KB_STORE, or from the home folder where that is not set. KB_STORE_TOKEN is
    what a Milvus asks for.
    """
    from index.copying import copy as copied
    from index.stores import store_of

    home = home_of(ctx)
    try:
        there = home.stored_in(None if target == "local" else target)
    except BadSetting as error:
        raise click.BadParameter(
            f"{target!r} is neither 'local' nor {error.wanted}.", param_hint="--to"
        ) from error
    click.echo(copied(store_of(home), store_of(there)))


@main.command()
@json_option
@home_options
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check model, index and machine, and say what to do.

    Changes nothing. Exit status 1 where a check failed; a warning is no failure.
    """
    from web import doctor as checks

    findings = checks.examine(home_of(ctx))
    if as_json:
        print_json({"ok": checks.ok(findings), "checks": [asdict(each) for each in findings]})
    else:
        for each in findings:
            click.echo(visible(checks.line(each)))
    if not checks.ok(findings):
        sys.exit(1)


for each in (search, evaluate, add, remove, list_documents):
    main.add_command(each)
