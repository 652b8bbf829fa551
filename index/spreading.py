"""A build's work spread over the processes of a Ray cluster, by Ray Data.

Documents and passages leave this machine, what was made of them comes back in order and as a
stream, so that this process holds no more of it than it is writing. Ray starts a worker that died
again and gives its work to it or to another.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from index import cluster
from index.encoder import Encoder, load_encoder, named_model
from index.home import Home
from index.store import PassageVectors, RowNumbers
from index.texts import TextStore
from index.workers import BATCH, Cut, cut_up, encode_passages
from kb import library
from kb.errors import DocumentUnreadable, KBError, RayFailed
from kb.library import Skipped, Source
from kb.types import Passage

# An encoding worker runs one thread and there is one for each processor, yet it asks for half of
# one: where half of a cluster's machines are lost, the workers of those find room on the others.
_SHARE = 0.5

_BLOCKS = 1000  # at most; each is a task, and what a lost worker has to do again is one of them

Load = Callable[[], Encoder]


@contextmanager
def spread(
    home: Home, encoder: Encoder, address: str | None = None, load: Load | None = None
) -> Iterator[Spread]:
    """Workers on the cluster at `address`, HOST:PORT, else on a Ray of this machine's processors.

    What is started is stopped at the end. Every worker calls `load`, by default as this process
    does: the model of `KB_MODEL` here, else the packaged one in `home` where its machine has
    that folder, else in its own `KB_HOME`. Raises `RayFailed`.
    """
    load = load or partial(_load, home.root, named_model())
    with cluster.connected(address) as ray:
        yield Spread(ray, encoder.name, load)


class Spread:
    """`index.workers.Workers` over a cluster; `name` is that of the encoder they must have."""

    def __init__(self, ray: Any, name: str, load: Load) -> None:
        self._ray, self._name, self._load = ray, name, load
        # files are where this process is, also where a cluster has other machines
        self._here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}

    def read(self, sources: Sequence[Source]) -> Generator[Cut | Skipped]:
        """Bytes are read here and parsed anywhere."""
        if not sources:
            return
        items = self._items(sources, _contents)
        yield from self._results(items.map_batches(_parsed, batch_size=1))

    def encode(self, texts: TextStore, rows: RowNumbers) -> Generator[PassageVectors]:
        """Batches of passages are read here and encoded by workers that keep the model.

        Raises `RayFailed`, also where a worker has another encoder or none.
        """
        batches = range(-(-len(rows) // BATCH))
        if not batches:
            return
        items = self._items(batches, partial(_passages, texts.path, rows))
        processors = int(self._ray.cluster_resources().get("CPU", 0))
        workers = max(1, min(processors, len(batches)))
        encoded = items.map_batches(
            _Encoding,
            fn_constructor_args=(self._load, self._name),
            batch_size=1,
            num_cpus=_SHARE,
            compute=self._ray.data.ActorPoolStrategy(
                min_size=1, max_size=workers, initial_size=workers
            ),
        )
        for found in self._results(encoded):
            if isinstance(found, str):
                raise RayFailed(found)
            yield from found

    def _items(self, names: Sequence[Any], item: Callable[[Any], object]) -> Any:
        """A dataset of what `item` gives for each, made on this machine as it is needed."""
        blocks = min(len(names), _BLOCKS)
        named = self._ray.data.from_items(list(names), override_num_blocks=blocks)
        return named.map_batches(
            _made,
            fn_args=(item,),
            batch_size=1,
            num_cpus=0,  # it waits for the disk, and must not wait for the workers it feeds
            compute=self._ray.data.TaskPoolStrategy(size=1),
            label_selector=self._here,
        )

    def _results(self, dataset: Any) -> Iterator[Any]:
        rows = iter(dataset.iter_rows())
        while True:
            try:
                row = next(rows, None)
            except Exception as error:  # Ray's own, and whatever a worker met
                raise RayFailed(cluster.reason(error)) from error
            if row is None:
                return
            yield row["item"]


def _made(batch: Mapping[str, Any], item: Callable[[Any], object]) -> dict[str, Any]:
    return _column([item(name) for name in batch["item"]])


def _column(items: Sequence[object]) -> dict[str, Any]:
    """Things of any kind as Ray Data has them; numpy would look into sequences."""
    column = np.empty(len(items), object)
    for i, each in enumerate(items):
        column[i] = each
    return {"item": column}


def _contents(source: Source) -> tuple[Source, bytes | Skipped]:
    try:
        return source, library.content(source)
    except DocumentUnreadable as error:
        return source, library.left_out(source, error.reason)


def _parsed(batch: Mapping[str, Any]) -> dict[str, Any]:
    return _column([_cut(*item) for item in batch["item"]])


def _cut(source: Source, data: bytes | Skipped) -> Cut | Skipped:
    if isinstance(data, Skipped):
        return data
    try:
        return cut_up(source, data)
    except DocumentUnreadable as error:
        return library.left_out(source, error.reason, data)


def _passages(path: Path, rows: RowNumbers, i: int) -> list[Passage]:
    with closing(TextStore(path)) as texts:
        return texts.passages_at(rows[i * BATCH : (i + 1) * BATCH].tolist())


class _Encoding:
    """A worker: its process keeps the model. What it cannot do it answers as a sentence."""

    def __init__(self, load: Load, name: str) -> None:
        os.environ["OMP_NUM_THREADS"] = "1"  # before a library reads it: workers share a machine
        self._fault = ""
        try:
            self._encoder = load()
            if self._encoder.name != name:
                self._fault = f"encodes with {self._encoder.name} and this one with {name}"
        except KBError as error:
            self._fault = f"has no encoder: {error}"

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """A list of `PassageVectors` for each list of passages."""
        if self._fault:
            fault = (
                f"machine {socket.gethostname()} {self._fault}; give every machine the same"
                " report-kb and the model of KB_MODEL"
            )
            return _column([fault for _ in batch["item"]])
        return _column([encode_passages(passages, self._encoder) for passages in batch["item"]])


def _load(root: Path, model: str) -> Encoder:
    os.environ["KB_MODEL"] = model
    return load_encoder(Home.resolve(root if root.is_dir() else None))
