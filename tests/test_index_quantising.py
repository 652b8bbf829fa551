"""The packaged model's weights in int8: which channels stay in float32, how near the rest is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from index.home import Home
from index.model import GRAPH, packaged_checkpoint, packaged_folder
from index.quantising import Range, widest_channels

pytestmark = pytest.mark.model


def test_the_widest_channels_are_those_that_reach_furthest_either_way() -> None:
    seen = Range(np.array([-1, -9, -2, 0, -2.0]), np.array([3, 1, 2, 4, 1.0]))
    assert widest_channels(seen, 2).tolist() == [1, 3]
    assert widest_channels(seen, 4).tolist() == [0, 1, 2, 3]  # of equal ones the first
    assert widest_channels(seen, 0).tolist() == []


@pytest.mark.parametrize("layer", ["l0.qkv", "l5.ao", "l5.fi", "l11.fo"])
def test_a_layer_adds_up_to_the_packaged_weights(model_home: Home, layer: str) -> None:
    """Wide channels to the last digit, the others to half a step of their output's scale."""
    model = onnx.load(packaged_folder(model_home.model) / GRAPH, load_external_data=False)
    constants = {each.name: each for each in model.graph.initializer}

    def value(name: str) -> np.ndarray:
        return numpy_helper.to_array(constants[f"{layer}.{name}"])

    weights = packaged_checkpoint()[0].weights
    parts = [f"l0.{x}" for x in "qkv"] if layer == "l0.qkv" else [layer]
    exact = np.concatenate([weights[f"{part}.w"] for part in parts])
    rounded = (value("w") * value("scales")).T
    wide = value("wide") if f"{layer}.wide" in constants else np.zeros(0, np.int64)
    assert len(wide) == (0 if layer.endswith(".ao") else 16)
    assert np.abs(value("w")).max() == 63
    if len(wide):
        assert np.array_equal(value("few_w").T, exact[:, wide].astype(np.float32))
        assert not rounded[:, wide].any()
    rest = np.delete(exact, wide, axis=1)
    off = np.abs(np.delete(rounded, wide, axis=1) - rest)
    assert (off <= 0.501 * value("scales")[:, None]).all()
