"""What the index answers, turned into the shapes of the endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from index.hits import DocumentSummary, Hit, Results, Scope
from kb.library import Skipped, Source
from kb.types import Document, Section
from web import shapes
from web.rebuild import RebuildState
from web.security import for_the_asker

if TYPE_CHECKING:
    from index.build import BuildReport
    from index.search import Searcher


def results(answer: Results) -> shapes.SearchShape:
    """The JSON of one answered query."""
    return {
        "query": answer.query,
        "mode": answer.mode,
        "generation": answer.generation,
        "took_ms": round(answer.took_ms, 3),
        "weak": answer.weak,
        "within": scope(answer.scope) if answer.scope else None,
        "hits": [hit(each) for each in answer.hits],
    }


def scope(kept_to: Scope) -> shapes.ScopeShape:
    """The JSON of the document or section that a search was kept to."""
    node = None
    if kept_to.section is not None and kept_to.number is not None:
        node = section(kept_to.section, kept_to.number)
    return {
        "document": {"id": kept_to.document.id, "title": kept_to.document.title},
        "section": node,
    }


def hit(found: Hit) -> shapes.HitShape:
    """The JSON of one hit; evidence carries its text, so that a client need not cut it out."""
    passage = found.passage
    first = passage.start
    return {
        "rank": found.rank,
        "score": found.score,
        "document": stated(found.document),
        "headings": list(passage.headings),
        "passage": {
            "id": passage.id,
            "kind": passage.kind,
            "text": passage.text,
            "start": passage.start,
            "end": passage.end,
            "page": passage.page,
            "paragraph": passage.paragraph,
        },
        "evidence": [
            {"text": passage.text[start - first : end - first], "start": start, "end": end}
            for start, end in found.evidence
        ],
        "marks": [{"start": m.start, "end": m.end, "weight": m.weight} for m in found.marks],
        "signals": {
            "dense": found.signals.dense,
            "lexical": found.signals.lexical,
            "late": found.signals.late,
        },
        "url": f"/documents/{found.document.id}?start={passage.start}&end={passage.end}",
    }


def stated(of: Document | DocumentSummary) -> shapes.StatedShape:
    """The JSON of what a document is and states of itself."""
    return {"id": of.id, "title": of.title, "author": of.author, "date": of.date}


def library(searcher: Searcher) -> shapes.LibraryShape:
    """The JSON of the list of documents."""
    return {
        "generation": searcher.generation,
        "built_at": searcher.built_at,
        "documents": [summary(each) for each in searcher.documents],
        "skipped": skipped(searcher.skipped),
    }


def skipped(files: Iterable[Skipped]) -> list[shapes.SkippedShape]:
    """The JSON of the files that a build left out."""
    return [{"name": each.name, "reason": each.reason} for each in files]


def summary(document: DocumentSummary) -> shapes.DocumentSummaryShape:
    """The JSON of one document of the list."""
    return {
        **stated(document),
        "name": document.name,
        "characters": document.characters,
        "sections": document.sections,
        "passages": document.passages,
        "clauses": document.clauses,
        "fingerprint": document.fingerprint,
    }


def document(whole: Document, generation: str) -> shapes.DocumentShape:
    """The JSON of a whole document."""
    return {
        **stated(whole),
        "name": whole.name,
        "generation": generation,
        "fingerprint": whole.fingerprint,
        "text": whole.text,
        "outline": [section(each, number) for number, each in enumerate(whole.outline)],
        "pages": list(whole.pages),
    }


def section(node: Section, number: int) -> shapes.SectionShape:
    """The JSON of one node of the outline, at `number` in it."""
    return {
        "number": number,
        "title": node.title,
        "kind": node.kind,
        "level": node.level,
        "start": node.start,
        "end": node.end,
    }


def change(source: Source, state: RebuildState) -> shapes.ChangeShape:
    """The JSON of a file that was added or removed, with the rebuild that follows."""
    return {"id": source.id, "name": source.name, "rebuild": rebuild(state)}


def rebuild(state: RebuildState) -> shapes.RebuildShape:
    """The JSON of a rebuild's state: the same words."""
    return {
        "state": state.state,
        "stage": state.stage,
        "done": state.done,
        "total": state.total,
        "error": for_the_asker(state.error),
        "generation": state.generation,
        "started_at": state.started_at,
        "finished_at": state.finished_at,
    }


def build(report: BuildReport) -> dict[str, object]:
    """The JSON of a finished build, as `kb build --json` prints it."""
    return {
        "generation": report.generation,
        **asdict(report.counts),
        "encoded": report.encoded,
        **asdict(report.changes),
        "skipped": skipped(report.skipped),
        "seconds": dict(report.seconds),
    }
