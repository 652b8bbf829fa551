"""The command `kb`. Heavy imports wait inside the commands, so that help comes at once."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from index.hits import MODES
from kb.errors import BadSetting, IndexMissing, KBError
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

if TYPE_CHECKING:
    from index.encoder import Encoder
    from index.figures import Report
    from index.hits import Mode
    from index.home import Home


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


mode_option = click.option(
    "--mode", default="hybrid", show_default=True,
    type=click.Choice(MODES),
    help="All signals together, vectors of clauses alone, or words (BM25) alone.",
)  # fmt: skip


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
@click.argument("question")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 100), help="Most hits.")
@mode_option
@click.option(
    "--document", metavar="ID", help="Search this document alone; 'kb list' tells its ID."
)
@click.option(
    "--section",
    metavar="N",
    type=click.IntRange(0),
    help="Search this section of it alone, by its number in the outline, from 0.",
)
@json_option
@home_options
@click.pass_context
def search(
    ctx: click.Context,
    question: str,
    k: int,
    mode: Mode,
    document: str | None,
    section: int | None,
    as_json: bool,
) -> None:
    """Print the passages that answer QUESTION.

    What stands in straight double quotes in it must appear in a passage.
    """
    from web import query
    from web.problems import BadParameters

    try:
        asked = query.checked(
            {"q": question, "k": k, "mode": mode, "document": document, "section": section}
        )
    except BadParameters as error:
        raise click.UsageError(error.description or "") from error

    from index.encoder import load_encoder
    from index.search import Searcher
    from web import answers, terminal

    home = home_of(ctx)
    _require_index(home)
    with closing(Searcher.open(home, load_encoder(home, say))) as searcher:
        found = asked.ask(searcher)
    if as_json:
        print_json(answers.results(found))
        return
    if found.weak:
        say("Nothing close to this was found; these are the nearest passages.")
    click.echo(terminal.hits(found))


@main.command("eval")
@click.argument("questions", type=click.Path(exists=True, path_type=Path))
@mode_option
@click.option("--misses", is_flag=True, help="List the questions whose first hit is wrong.")
@json_option
@home_options
@click.pass_context
def evaluate(ctx: click.Context, questions: Path, mode: Mode, misses: bool, as_json: bool) -> None:
    """Measure the ranking on judged QUESTIONS.

    QUESTIONS is a .jsonl file of questions on the library, one object a line:

    \b
    {"id": "1", "question": "...", "evidence": ["words of the passage that answers"]}

    The passage is right that has one of the evidence's texts, white space apart. A question
    without an answer has "evidence": []. Optional are "answer", looked for in the marked evidence,
    and "kind", by which figures are told apart.

    Or it is a folder of the BEIR layout (corpus.jsonl, queries.jsonl, qrels.tsv), indexed for
    this in a folder for temporary files.
    """
    from index.encoder import load_encoder
    from web import terminal

    home = home_of(ctx)
    _require_index(home, unless=questions.is_dir())
    report = _evaluated(questions, home, load_encoder(home, say), mode)
    if as_json:
        listed = {"misses": [asdict(each) for each in report.misses]} if misses else {}
        print_json({**report.as_json(), **listed})
        return
    click.echo(report.table())
    if misses:
        click.echo(terminal.misses(report))


def _evaluated(questions: Path, home: Home, encoder: Encoder, mode: Mode) -> Report:
    from index.build import Progress
    from index.evaluate import evaluate_collection, evaluate_questions
    from index.search import Searcher
    from web.terminal import Steps

    with closing(Steps()) as steps:

        def done(count: int, total: int) -> None:
            steps(Progress("ask", count, total))

        if questions.is_dir():
            return evaluate_collection(questions, encoder, done, mode, steps)
        with closing(Searcher.open(home, encoder)) as searcher:
            return evaluate_questions(questions, searcher, done, mode)


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


def _require_index(home: Home, *, unless: bool = False) -> None:
    """Say that there is no index before seconds are spent on loading the model."""
    from index.stores import store_of

    store = store_of(home)
    if not unless and store.current() is None:
        raise IndexMissing(store.place)


for each in (add, remove, list_documents):
    main.add_command(each)
