"""Judged questions asked: the rank of what is right, and whether the evidence holds the answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from index.build import Progress, build
from index.encoder import Encoder
from index.figures import Judgement, Report
from index.hits import Hit, Mode, Results
from index.home import Home
from index.questions import Question, of_collection, of_file, write_corpus
from index.search import Searcher

DEPTH = 10  # MRR@10 and R@10 look no further
_PASSAGES_PER_DOCUMENT = 3  # so that ten documents are found where some fill several ranks

Done = Callable[[int, int], None]


def evaluate_questions(
    path: Path, searcher: Searcher, done: Done | None = None, mode: Mode = "hybrid"
) -> Report:
    """Ask the questions of a JSON-lines file of the library that `searcher` serves.

    A passage is right when, white space removed, it contains an evidence span. Raises
    `QuestionsUnreadable`.
    """
    questions = of_file(path)

    def ask(question: Question) -> Judgement:
        results = searcher.search(question.text, k=DEPTH, mode=mode)
        spans = [_squeezed(span) for span in question.relevant]
        ranks = [h.rank for h in results.hits if _holds(_squeezed(h.passage.text), spans)]
        return _judged(question, results, min(ranks, default=None))

    return _asked(questions, ask, done)


def evaluate_collection(
    folder: Path,
    encoder: Encoder,
    done: Done | None = None,
    mode: Mode = "hybrid",
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Index a collection of the BEIR layout in a throw-away home and ask its queries.

    Each text is a document of its own; documents are ranked by their best passage. Raises
    `QuestionsUnreadable`.
    """
    with collection(folder, encoder, progress) as (searcher, questions):
        return evaluate_documents(questions, searcher, done, mode)


def evaluate_documents(
    questions: Sequence[Question],
    searcher: Searcher,
    done: Done | None = None,
    mode: Mode = "hybrid",
) -> Report:
    """Ask questions whose `relevant` are names of documents."""
    limit = DEPTH * _PASSAGES_PER_DOCUMENT

    def ask(question: Question) -> Judgement:
        results = searcher.search(question.text, k=limit, mode=mode)
        documents = list(dict.fromkeys(hit.document.name for hit in results.hits))[:DEPTH]
        ranks = [i for i, name in enumerate(documents, 1) if name in question.relevant]
        return _judged(question, results, min(ranks, default=None))

    return _asked(questions, ask, done)


def _asked(
    questions: Sequence[Question], ask: Callable[[Question], Judgement], done: Done | None
) -> Report:
    judgements = []
    for i, question in enumerate(questions, 1):
        judgements.append(ask(question))
        if done:
            done(i, len(questions))
    return Report(tuple(judgements))


def _judged(question: Question, results: Results, rank: int | None) -> Judgement:
    in_evidence = None
    if question.answers and results.hits:
        in_evidence = _holds(_evidence_text(results.hits[0]), map(_squeezed, question.answers))
    return Judgement(
        id=question.id,
        question=question.text,
        kind=question.kind,
        answerable=bool(question.relevant),
        rank=rank,
        weak=results.weak,
        in_evidence=in_evidence,
        first=results.hits[0].passage.text if results.hits else "",
    )


def _evidence_text(hit: Hit) -> str:
    passage = hit.passage
    return _squeezed(
        "".join(passage.text[a - passage.start : b - passage.start] for a, b in hit.evidence)
    )


def _holds(text: str, spans: Iterable[str]) -> bool:
    return any(span in text for span in spans)


def _squeezed(text: str) -> str:
    return "".join(text.split())


@contextmanager
def collection(
    folder: Path, encoder: Encoder, progress: Callable[[Progress], None] | None = None
) -> Iterator[tuple[Searcher, list[Question]]]:
    """A searcher over a collection of the BEIR layout, and its questions.

    Raises `QuestionsUnreadable`.
    """
    with tempfile.TemporaryDirectory() as root:
        home = Home(Path(root), Path(root) / "documents")
        questions = of_collection(folder, write_corpus(folder, home.documents))
        build(home, encoder, progress=progress)
        with closing(Searcher.open(home, encoder)) as searcher:
            yield searcher, questions
