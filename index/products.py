"""Products of int8 matrices by onnxruntime: quick with VNNI and without."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import onnxruntime

LARGEST = 63  # of the right side: a product of 8 bits by 8 would overflow its 16 without VNNI
_ZERO = np.uint8(128)  # what stands for 0 on the left side, which is unsigned to the kernels
_COLUMNS = 8  # of the right side go together: 9 took longer than 16


def product(left: npt.NDArray[np.int8], right: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """`(n, dim)` times `(dim, m)`, exactly; `right` keeps within `LARGEST` either way."""
    dim, columns = right.shape
    whole = np.zeros((dim, -(-columns // _COLUMNS) * _COLUMNS), np.int8)
    whole[:, :columns] = right
    [found] = _session().run(None, {"left": left.view(np.uint8) ^ _ZERO, "right": whole})
    return np.asarray(found)[:, :columns]


@cache
def _session() -> onnxruntime.InferenceSession:
    """On the thread of who asks: several searches run at once."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["left", "right", "zero"], ["product"])],
        "product",
        [
            helper.make_tensor_value_info("left", TensorProto.UINT8, ["n", "dim"]),
            helper.make_tensor_value_info("right", TensorProto.INT8, ["dim", "m"]),
        ],
        [helper.make_tensor_value_info("product", TensorProto.INT32, ["n", "m"])],
        [numpy_helper.from_array(np.array(_ZERO), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
