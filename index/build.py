"""Documents to a published generation: read, encode, index, verify, publish."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from index import encodings, generation, lexical, sealed
from index.encoder import Encoder
from index.home import Home
from index.leftover import Leftover, leftover
from index.snapshot import LEXICAL, TEXTS, Snapshot
from index.store import VERSION, Reader, Store
from index.stores import begin_library, open_current, store_of
from index.texts import TextStore
from index.textwriter import TextWriter
from index.vectors import Before, GenerationBefore, write_vectors
from index.workers import Here, Workers
from kb import library
from kb.errors import KBError, LibraryEmpty, RayFailed, StoreUnavailable
from kb.library import Skipped


class Progress(NamedTuple):
    """How far a build is: `done` of `total` documents or passages of its `stage`."""

    stage: str
    done: int
    total: int


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a generation holds."""

    documents: int
    sections: int
    passages: int
    clauses: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Documents by name, against the generation before."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; names are of documents, `seconds` are by stage, in order."""

    generation: str
    skipped: tuple[Skipped, ...]
    counts: Counts
    encoded: int
    """Passages that were embedded now, not taken from the generation before."""
    changes: Changes
    seconds: tuple[tuple[str, float], ...]


class _Stages:
    """Times the stages and tells of progress."""

    def __init__(self, report: Report | None) -> None:
        self._report = report or (lambda _progress: None)
        self.seconds: list[tuple[str, float]] = []

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """The value given is to be called with the number of things done."""
        began = time.perf_counter()
        self._report(Progress(name, 0, total))
        yield lambda done: self._report(Progress(name, done, total))
        self._report(Progress(name, total, total))
        self.seconds.append((name, round(time.perf_counter() - began, 3)))


def build(
    home: Home,
    encoder: Encoder,
    *,
    force: bool = False,
    progress: Report | None = None,
    workers: Workers | None = None,
) -> BuildReport:
    """Index the library of `home` and publish the result, whole or not at all.

    Vectors of passages that the current generation has already, or a build that died had
    encoded, are taken from there, unless `force`. `workers` read and encode; None stands for
    this process, and whoever they are the generation is the same. Files that cannot be read are
    skipped and named. Raises `RebuildRunning` while another build runs, `LibraryEmpty` where
    nothing could be read, `StorageFailed` where the disk refuses; what served goes on serving.
    """
    store = store_of(home)
    with store.alone(), leftover(home, encoder) as left:
        store.sweep()
        begin_library(home)
        name = generation.new_name(store.names())
        with _before(store, encoder) as before, _draft(home, name) as draft:
            known = _known(before, left) if not force else []
            crew = workers or Here(encoder)
            stages = _Stages(progress)
            return _build(home, store, name, encoder, crew, draft, before, known, stages)


def _known(before: Reader | None, left: Leftover | None) -> Sequence[Before]:
    """What may have the vectors of a passage already."""
    generation = GenerationBefore(before) if before else None
    return [each for each in (generation, left) if each is not None]


@contextmanager
def _before(store: Store, encoder: Encoder) -> Iterator[Reader | None]:
    """The generation to compare with and to take vectors from; none where it does not fit."""
    try:
        reader = open_current(store, encoder)
    except KBError:
        yield None
        return
    with closing(reader):
        yield reader


@contextmanager
def _draft(home: Home, name: str) -> Iterator[Path]:
    """A folder to write a generation into, gone when that is done or cannot be.

    Where the build is stopped, or workers or a store fail it, it stays: the next one goes on
    from what is encoded in it.
    """
    draft = sealed.draft(generation.folder(home, name))
    stays = False
    try:
        yield draft
    except BaseException as stop:
        elsewhere = isinstance(stop, RayFailed | StoreUnavailable)
        lost = isinstance(stop, KBError | OSError) and not elsewhere
        stays = not lost and encodings.written(draft) > 0
        raise
    finally:
        if not stays:
            shutil.rmtree(draft, ignore_errors=True)


def _build(
    home: Home,
    store: Store,
    name: str,
    encoder: Encoder,
    workers: Workers,
    draft: Path,
    before: Reader | None,
    known: Sequence[Before],
    stages: _Stages,
) -> BuildReport:
    texts, skipped = _read(home, workers, draft, stages)
    with closing(texts):
        counts = _counts(texts)
        with stages.stage("encode", counts.passages) as done:
            encoded = write_vectors(draft, texts, encoder, workers, known, done)
        with stages.stage("index", counts.passages) as done:
            write_lexical(draft / LEXICAL, texts, done)
        changes = _changes(before, texts)
    with stages.stage("verify", 1):
        sealed.seal(draft, _facts(encoder, counts))
        Snapshot.open(draft, encoder).close()
    with stages.stage("publish", 1):
        store.publish(draft, name)
    return BuildReport(name, skipped, counts, encoded, changes, tuple(stages.seconds))


def _read(
    home: Home, workers: Workers, draft: Path, stages: _Stages
) -> tuple[TextStore, tuple[Skipped, ...]]:
    findings = library.find(home.documents)
    skipped = list(findings.skipped)
    with (
        stages.stage("read", len(findings.sources)) as done,
        closing(workers.read(findings.sources)) as read,
        TextWriter(draft / TEXTS) as writer,
    ):
        for i, found in enumerate(read, 1):
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                writer.add(found.document, found.passages)
            done(i)
        skipped.sort(key=lambda s: s.name)
        writer.skip(skipped)
    if not writer.passages:
        raise LibraryEmpty(home.documents, [f"{each.name}: {each.reason}" for each in skipped])
    return TextStore(draft / TEXTS), tuple(skipped)


def _counts(texts: TextStore) -> Counts:
    summaries = texts.documents
    return Counts(
        documents=len(summaries),
        sections=sum(summary.sections for summary in summaries),
        passages=sum(summary.passages for summary in summaries),
        clauses=sum(summary.clauses for summary in summaries),
    )


def write_lexical(folder: Path, texts: TextStore, done: Callable[[int], None]) -> None:
    """Index the words of all passages into a new folder."""
    titles = {summary.id: summary.title for summary in texts.documents}

    def rows() -> Iterator[lexical.Row]:
        for batch in texts.batches(256):
            for row, passage in batch:
                yield lexical.Row(row, titles[passage.document_id], passage)
            done(batch[-1][0] + 1)

    folder.mkdir()
    lexical.write(folder, rows())


def _changes(before: Reader | None, texts: TextStore) -> Changes:
    old = {d.name: d.fingerprint for d in before.contents.documents} if before else {}
    new = {d.name: d.fingerprint for d in texts.documents}
    return Changes(
        added=tuple(name for name in new if name not in old),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        removed=tuple(name for name in old if name not in new),
        unchanged=tuple(name for name in new if old.get(name) == new[name]),
    )


def _facts(encoder: Encoder, counts: Counts) -> dict[str, object]:
    return {
        "version": VERSION,
        "encoder": {"name": encoder.name, "dim": encoder.dim},
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "counts": asdict(counts),
    }
