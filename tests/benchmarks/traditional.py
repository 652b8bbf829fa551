"""A collection turned to Traditional characters: `python -m tests.benchmarks.traditional FOLDER`.

Asked twice: questions and passages turned by OpenCC, and questions alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import opencc

from index.encoder import load_encoder
from index.evaluate import evaluate_collection
from index.home import Home

TURNED = {
    "questions and passages": ("queries.jsonl", "corpus.jsonl"),
    "questions alone": ("queries.jsonl",),
}


def turned(source: Path, target: Path, names: tuple[str, ...]) -> Path:
    """A copy of a collection with the texts of some of its files in Traditional characters."""
    target.mkdir()
    converter = opencc.OpenCC("s2t")
    for file in source.iterdir():
        if file.name not in names:
            shutil.copy(file, target)
            continue
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        records = [_converted(json.loads(line), converter) for line in lines if line.strip()]
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (target / file.name).write_text(text, encoding="utf-8")
    return target


def _converted(record: dict[str, Any], converter: opencc.OpenCC) -> dict[str, Any]:
    fields = ("text", "title")
    return {
        key: converter.convert(value) if key in fields and isinstance(value, str) else value
        for key, value in record.items()
    }


def main() -> None:
    """Print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    source = parser.parse_args().collection
    encoder = load_encoder(Home.resolve(), lambda line: print(line, file=sys.stderr))
    for name, files in TURNED.items():
        with tempfile.TemporaryDirectory() as root:
            folder = turned(source, Path(root) / source.name, files)
            figures = evaluate_collection(folder, encoder).as_json()
        print(f"{source.name}, {name}: R@1 {figures['R@1']:.4f}, MRR@10 {figures['MRR@10']:.4f}")


if __name__ == "__main__":
    main()
