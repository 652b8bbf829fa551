"""The sectioning holds its measured figures on the collections beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.sections import measure


@pytest.mark.shared
@pytest.mark.parametrize(
    ("collection", "form", "kind", "precision", "recall"),
    [
        ("laws", "txt", "own line", 0.998, 0.997),
        ("laws", "txt", "  unnumbered", 0.98, 1.0),
        ("laws", "txt", "article", 1.0, 1.0),
        ("reports-provincial-2025", "txt", "own line", 1.0, 1.0),
        ("reports-provincial-2025", "docx", "own line", 1.0, 1.0),
        ("reports-provincial-2025", "docx", "run-in", 0.97, 1.0),
    ],
)
def test_headings_are_found_as_well_as_promised(
    shared: Path, collection: str, form: str, kind: str, precision: float, recall: float
) -> None:
    folder = shared / "collections" / collection
    if not folder.is_dir():
        pytest.skip(f"no collection {folder}")
    tally = measure(folder, form)[kind]
    assert tally.precision >= precision
    assert tally.recall >= recall
