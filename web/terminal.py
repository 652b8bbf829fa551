"""What a terminal shows: progress on stderr, answers on stdout."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

import click

from web.options import visible

if TYPE_CHECKING:
    from index.build import BuildReport, Progress
    from index.figures import Report
    from index.hits import Hit, Results
    from kb.types import Passage, Span

STAGES = {
    "read": "Reading documents",
    "encode": "Embedding clauses",
    "index": "Building the index",
    "verify": "Checking it",
    "publish": "Publishing it",
    "ask": "Asking questions",
}
LINE_SECONDS = 5.0  # how often a log that is no terminal hears of a long stage


class Steps:
    """Shows a build's progress: a bar for each stage on a terminal, else plain lines."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._stage: str | None = None
        self._bar: Any = None
        self._done = 0
        self._next_line = 0.0

    def __call__(self, step: Progress) -> None:
        """Take note of one step."""
        if step.stage != self._stage:
            self.close()
            self._begin(step)
        if self._bar is not None:
            self._bar.update(step.done - self._done)
            self._done = step.done
        elif step.done != self._done and (
            step.done == step.total or time.monotonic() >= self._next_line
        ):
            self._done = step.done
            self._next_line = time.monotonic() + LINE_SECONDS
            label = STAGES.get(step.stage, step.stage)
            click.echo(f"{label}: {step.done} of {step.total}", file=self._stream)

    def close(self) -> None:
        """End the bar that is shown."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
        self._stage = None

    def _begin(self, step: Progress) -> None:
        self._stage = step.stage
        self._done = 0
        self._next_line = time.monotonic() + LINE_SECONDS
        if self._stream.isatty():
            self._bar = click.progressbar(
                length=step.total, label=f"{STAGES.get(step.stage, step.stage):20}",
                file=self._stream, show_pos=True,
            )  # fmt: skip
            self._bar.render_progress()


def build_summary(report: BuildReport) -> str:
    """What a build read, skipped and made, and how long each stage took."""
    counts, changes = report.counts, report.changes
    lines = [
        f"generation  {report.generation}",
        f"documents   {counts.documents}",
        f"sections    {counts.sections}",
        f"passages    {counts.passages} ({report.encoded} embedded now)",
        f"clauses     {counts.clauses}",
    ]
    for word in ("added", "changed", "removed"):
        lines += [f"{word:11} {name}" for name in getattr(changes, word)]
    lines.append(f"unchanged   {len(changes.unchanged)}")
    lines += [f"skipped     {each.name}: {each.reason}" for each in report.skipped]
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in report.seconds)
    lines.append(f"seconds     {stages}")
    return visible("\n".join(lines))


def misses(report: Report) -> str:
    """The questions whose first hit is wrong, with the rank of the right one."""
    return visible(
        "\n".join(
            f"{each.id}\t{each.rank or '-'}\t{each.question}\t{each.first[:40]}…"
            for each in report.misses
        )
    )


def hits(results: Results) -> str:
    """The hits, best first, with their place; the clauses that answer are set in bold."""
    return "\n\n".join(_hit(each) for each in results.hits)


def _hit(hit: Hit) -> str:
    passage = hit.passage
    path = visible(" > ".join([hit.document.title, *passage.headings]))
    place = click.style(f"[{_place(passage)}]", dim=True)
    head = f"{hit.rank}. {click.style(path, fg='cyan')} {place} {hit.score:.3f}"
    return f"{head}\n{_emphasised(visible(passage.text), passage.start, hit.evidence)}"


def _place(passage: Passage) -> str:
    page = f"page {passage.page}, " if passage.page else ""
    return f"{page}paragraph {passage.paragraph}, {passage.start}–{passage.end}"


def _emphasised(text: str, origin: int, evidence: tuple[Span, ...]) -> str:
    parts = []
    at = 0
    for start, end in sorted(evidence):
        parts += [
            text[at : start - origin],
            click.style(text[start - origin : end - origin], bold=True),
        ]
        at = end - origin
    return "".join([*parts, text[at:]])
