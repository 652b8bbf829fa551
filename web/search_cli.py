"""Questions at the command line: `kb search`, `kb eval`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from index.hits import MODES
from kb.errors import IndexMissing
from web.options import home_of, home_options, json_option, print_json, say

if TYPE_CHECKING:
    from index.encoder import Encoder
    from index.figures import Report
    from index.hits import Mode
    from index.home import Home

_mode_option = click.option(
    "--mode", default="hybrid", show_default=True,
    type=click.Choice(MODES),
    help="All signals together, vectors of clauses alone, or words (BM25) alone.",
)  # fmt: skip


@click.command()
@click.argument("question")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 100), help="Most hits.")
@_mode_option
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


@click.command("eval")
@click.argument("questions", type=click.Path(exists=True, path_type=Path))
@_mode_option
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


def _require_index(home: Home, *, unless: bool = False) -> None:
    """Say that there is no index before seconds are spent on loading the model."""
    from index.stores import store_of

    store = store_of(home)
    if not unless and store.current() is None:
        raise IndexMissing(store.place)
