"""A tiny export with the interface of Segment Anything's: it runs in no time, and says what can be foreseen."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper


def export(folder: Path, qualities: list[float], size: int = 256, extra: bool = False, matte: bool = False) -> Path:
    """An export whose first mask is the image's brightness, its second the opposite, and so on in turns.

    The encoder halves the image twice; the decoder hands the red channel on as low resolution masks. With ``extra``
    the decoder takes it from `interm_embeddings` instead, a second output of the encoder as in HQ-SAM.
    With ``matte`` there is one, too: the image's blue channel.
    """
    small = size // 4

    def tensor(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def save(name, nodes, inputs, outputs, constants=()):
        graph = helper.make_graph(nodes, name, inputs, outputs, constants)
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / f"{name}.onnx")

    pool = helper.make_node("AveragePool", ["image"], ["embedding"], kernel_shape=[4, 4], strides=[4, 4])
    image = tensor("image", "batch", 3, size, size)
    embedding = tensor("embedding", "batch", 3, small, small)
    extras = [tensor("interm_embeddings", 1, 3, small, small)] if extra else []
    nodes = [pool, helper.make_node("Identity", ["embedding"], ["interm_embeddings"])] if extra else [pool]
    save("encoder", nodes, [image], [embedding, *extras])

    signs = np.array([1 if k % 2 == 0 else -1 for k in range(len(qualities))], np.float32)
    constants = [
        onnx.numpy_helper.from_array(signs.reshape(1, -1, 1, 1), "signs"),
        onnx.numpy_helper.from_array(np.array([qualities], np.float32), "iou_predictions"),
        *(onnx.numpy_helper.from_array(np.array([k]), name) for k, name in ((0, "from"), (1, "to"))),
    ]
    nodes = [
        helper.make_node("Slice", [extras[0].name if extra else "image_embeddings", "from", "to", "to"], ["red"]),
        helper.make_node("Mul", ["red", "signs"], ["low_res_masks"]),
        helper.make_node("Identity", ["low_res_masks"], ["masks"]),
    ]
    inputs = [
        tensor("image_embeddings", 1, 3, small, small),
        *extras,
        tensor("point_coords", 1, "points", 2),
        tensor("point_labels", 1, "points"),
        tensor("mask_input", 1, 1, size, size),
        tensor("has_mask_input", 1),
        tensor("orig_im_size", 2),
    ]
    masks = [tensor(name, 1, len(qualities), small, small) for name in ("masks", "low_res_masks")]
    save("decoder", nodes, inputs, [*masks, tensor("iou_predictions", 1, len(qualities))], constants)
    if matte:
        constants = [onnx.numpy_helper.from_array(np.array([[[[0]], [[0]], [[0.5]]]], np.float32), "blue")]
        constants += [onnx.numpy_helper.from_array(np.array([0.5], np.float32), "half")]
        nodes = [helper.make_node("Conv", ["input", "blue", "half"], ["output"])]
        save("matte", nodes, [tensor("input", "n", 3, "h", "w")], [tensor("output", "n", 1, "h", "w")], constants)
    return folder
