"""Measures the sectioning: headings found against headings given, printed as a table.

A collection is a folder with `gold.jsonl` and `txt/` (and `docx/`): one line a document, its
headings as half-open code-point offsets into the text. Places are compared by the number of
non-white characters before them, so that formats that space their text differently compare.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb.library import Source, load
from kb.numbering import read_label
from kb.types import Document, Section, Span

_OWN = frozenset({"part", "section"})


@dataclass
class Tally:
    """Headings right, found and given; and the single misses, for who wants to see them."""

    right: int = 0
    found: int = 0
    given: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, found: dict[Span, str], given: dict[Span, str]) -> None:
        self.right += len(found.keys() & given.keys())
        self.found += len(found)
        self.given += len(given)
        self.wrong += [f"{name} + {found[span]}" for span in sorted(found.keys() - given.keys())]
        self.missed += [f"{name} - {given[span]}" for span in sorted(given.keys() - found.keys())]

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        return self.right / self.given if self.given else float("nan")


def measure(folder: Path, form: str, part: str = "all") -> dict[str, Tally]:
    """Compare every document of a collection in one file format; `part` takes every other one."""
    tallies: dict[str, Tally] = {
        kind: Tally() for kind in ("own line", "  unnumbered", "run-in", "article")
    }
    lines = (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    step = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}[part]
    for line in lines[step]:
        gold = json.loads(line)
        path = folder / form / f"{gold['id']}.{form}"
        raw = (folder / "txt" / f"{gold['id']}.txt").read_text(encoding="utf-8")
        document = load(Source(path, path.name, gold["id"], path.stat().st_size))
        _compare(tallies, gold, raw, document)
    return tallies


def _compare(tallies: dict[str, Tally], gold: dict[str, Any], raw: str, document: Document) -> None:
    given_at, found_at = _Dense(raw), _Dense(document.text)
    front = given_at.offset(gold["front_matter_end"])
    articles = {given_at.offset(start): "" for start, _ in gold.get("articles", ())}
    own, run_in, article = _headings(document.outline, found_at, front, set(articles))
    given_own = {
        given_at.span(h["start"], h["end"]): h["text"]
        for h in gold["headings"]
        if h["kind"] == "own_line"
    }
    given_run_in = {
        given_at.span(h["start"], h["end"]): h["text"]
        for h in gold["headings"]
        if h["kind"] == "run_in"
    }
    name = gold["id"]
    tallies["own line"].add(name, own, given_own)
    tallies["  unnumbered"].add(name, _unnumbered(own), _unnumbered(given_own))
    tallies["run-in"].add(name, run_in, given_run_in)
    tallies["article"].add(
        name,
        {Span(span.start, span.start): text for span, text in article.items()},
        {Span(at, at): "" for at in articles},
    )


def _headings(
    outline: Iterable[Section], at: _Dense, front: int, articles: set[int]
) -> Iterator[dict[Span, str]]:
    """The outline's headings of a line of their own, run in, and of statute articles."""
    own: dict[Span, str] = {}
    run_in: dict[Span, str] = {}
    article: dict[Span, str] = {}
    for section in outline:
        if section.heading is None or section.kind == "title":
            continue
        span = at.span(*section.heading)
        if span.start < front:
            continue
        label = read_label(section.title)
        if section.kind in _OWN:
            own[span] = section.title
        elif label is not None and label.style == "条":
            article[span] = section.title
        else:
            run_in[span] = section.title
    yield from (own, run_in, article)


def _unnumbered(headings: dict[Span, str]) -> dict[Span, str]:
    return {span: text for span, text in headings.items() if read_label(text.strip()) is None}


class _Dense:
    """Offsets into a text as numbers of non-white characters before them."""

    def __init__(self, text: str) -> None:
        self._counts = [0]
        for char in text:
            self._counts.append(self._counts[-1] + (not char.isspace()))

    def offset(self, at: int) -> int:
        return self._counts[min(at, len(self._counts) - 1)]

    def span(self, start: int, end: int) -> Span:
        return Span(self.offset(start), self.offset(end))


def _forms(folder: Path) -> list[str]:
    return [form for form in ("txt", "docx") if (folder / form).is_dir()]


def _row(name: str, form: str, kind: str, tally: Tally) -> str:
    figures = f"{tally.given:7d} {tally.found:7d} {tally.precision:9.3f} {tally.recall:8.3f}"
    return f"{name:26s} {form:5s} {kind:13s} {figures}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path, help="the folder that holds the collections")
    parser.add_argument("--part", choices=("all", "even", "odd"), default="all")
    parser.add_argument("--misses", action="store_true", help="print every wrong or missed heading")
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.collections.glob("**/gold.jsonl"))
    if not folders:
        sys.exit(f"no gold.jsonl below {args.collections}")
    print(f"{'collection':26s} {'form':5s} {'headings':13s}   given   found precision   recall")
    misses: Counter[str] = Counter()
    for folder in folders:
        for form in _forms(folder):
            for kind, tally in measure(folder, form, args.part).items():
                if tally.given or tally.found:
                    print(_row(folder.name, form, kind, tally))
                misses.update(f"{form} {kind}: {miss}" for miss in tally.wrong + tally.missed)
    if args.misses:
        print(*misses, sep="\n")


if __name__ == "__main__":
    main()
