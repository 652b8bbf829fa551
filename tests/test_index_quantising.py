"""The packaged model's weights in int8: what is exact, and how near the rest stays."""

from __future__ import annotations

import numpy as np
import pytest

from index.model import packaged_checkpoint
from index.quantising import blocks

pytestmark = pytest.mark.model


def test_blocks_are_those_of_the_packaged_file() -> None:
    """Taken apart and put together again, no weight has changed by more than a rounding."""
    weights = packaged_checkpoint()[0].weights
    for layer in (0, 5, 11):
        weight = weights[f"l{layer}.fo.w"]
        codes, scales = blocks(weight)
        assert codes.max() <= 15
        again = ((codes.astype(np.float32) - 8) * scales[..., None]).reshape(weight.shape)
        assert np.abs(again - weight).max() < 1e-6
