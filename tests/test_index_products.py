"""Products of int8 matrices are exact, at the ends of what they may hold too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index.products import LARGEST, product


@pytest.mark.parametrize(
    ("n", "dim", "m"), [(1, 1, 1), (3, 64, 2), (500, 384, 17), (40, 33, 5), (7, 384, 1)]
)
def test_a_product_is_exact(n: int, dim: int, m: int) -> None:
    rng = np.random.default_rng(n + dim + m)
    left = rng.integers(-127, 128, (n, dim)).astype(np.int8)
    right = rng.integers(-LARGEST, LARGEST + 1, (dim, m)).astype(np.int8)
    exact = left.astype(np.int64) @ right.astype(np.int64)
    assert np.array_equal(product(left, right), exact)


@pytest.mark.parametrize("largest", [-LARGEST, LARGEST])
def test_the_largest_numbers_do_not_overflow(largest: int) -> None:
    """All of one sign, so that sums of pairs are as large as they come."""
    right = np.full((384, 4), largest, np.int8)
    for code in (127, -128):
        left = np.full((5, 384), code, np.int8)
        assert (product(left, right) == 384 * code * largest).all()


USED = """
import time
import numpy as np
from index.products import product
product(np.ones((1, 1), np.int8), np.ones((1, 1), np.int8))
time.sleep(0.5)
"""


def test_nobody_is_told_of_a_product(tmp_path: Path) -> None:
    """onnxruntime leaves a number of its own in the home of whoever it tells its maker of."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    environment = {**kept, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", USED], cwd=root, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
