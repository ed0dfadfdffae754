"""Models written as ONNX graphs, which run without PyTorch."""

from __future__ import annotations

import json
import logging
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regrow.errors import RegrowError, UsageError
from regrow.io.paths import atomic
from regrow.zoo import store
from regrow.zoo.graph import Graph, Net, graph_of

PRECISIONS = "fp32", "fp16"
OPSET = 20
"""Version of ONNX's operators that graphs use."""


def export(
    name: str, path: Path, *, half: str = "", application: int = 0, precision: str = PRECISIONS[0]
) -> dict[str, Any]:
    """Write a model, or a part of it, as an ONNX graph.

    Args:
        name: of the model: shipped, a folder, or a file of weights.
        path: ONNX file to write.
        half: "shrink" or "grow", for a rescaler.
        application: which application of a rescaler, 1 being that at the full size; all of them when 0.
        precision: "fp32", or "fp16", in which convolutions but the first are computed in float16, and the file is
            smaller. Inputs and outputs are float32 either way.

    Returns:
        The facts that the graph's metadata has, too.

    Raises:
        UsageError: the model has no such part. RegrowError: the net does something that ONNX cannot.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision {precision!r} is not known; known are {', '.join(PRECISIONS)}")
    model = store.load(name).eval()
    graph = graph_of(model, name, half=half, application=application)
    facts = {
        "model": Path(name).name,
        "digest": store.digest(name),
        "architecture": model.architecture,
        "precision": precision,
        **graph.facts,
    }
    program = _exported(Net(model, graph.run).eval(), graph, name)
    if precision == "fp16":
        _to_float16(program.model.graph)
    for key, value in facts.items():
        program.model.metadata_props[f"regrow.{key}"] = value if isinstance(value, str) else json.dumps(value)
    with atomic(path) as part:
        program.save(part)
    return facts


def _exported(net: Net, graph: Graph, name: str) -> Any:
    """The graph. RegrowError where ONNX, or the exporter, lacks what the net needs."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of what the exporter itself does
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision
        try:
            return torch.onnx.export(
                net,
                tuple(graph.inputs.values()),
                dynamo=True,
                dynamic_shapes=(tuple(graph.shapes[name] for name in graph.inputs),),
                input_names=list(graph.inputs),
                output_names=["result"],
                opset_version=OPSET,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            lacking = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", str(error))
            words = f"ONNX lacks {lacking[1]}" if lacking else "PyTorch cannot turn it into a graph"
            raise RegrowError(f"{name}: cannot be exported: {words}") from error


def _to_float16(graph: Any) -> None:
    """Compute the net's convolutions in float16, except first ones: what is hidden in pictures needs more."""
    import onnx_ir as ir

    behind: set[Any] = set()  # values that a convolution has had a part in
    half: dict[Any, Any] = {}

    def halved(value: Any) -> Any:
        """A value in float16: weights are kept so, others are cast in front of the node at hand."""
        if value not in half:
            if value.is_initializer():
                half[value] = ir.Value(name=f"{value.name}_half", const_value=ir.tensor(np.float16(value.const_value)))
                graph.register_initializer(half[value])
            else:
                cast = ir.node("Cast", [value], {"to": ir.DataType.FLOAT16})
                graph.insert_before(node, cast)
                half[value] = cast.outputs[0]
        return half[value]

    for node in list(graph):
        if node.op_type == "Conv" and node.inputs[0] in behind and node.inputs[1].name.startswith("model."):
            for i, value in enumerate(node.inputs):
                if value is not None:
                    node.replace_input_with(i, halved(value))
            (result,) = node.outputs
            cast = ir.node("Cast", [result], {"to": ir.DataType.FLOAT})
            cast.outputs[0].name, result.name = result.name, f"{result.name}_half"
            cast.outputs[0].type, cast.outputs[0].shape = result.type, result.shape
            result.replace_all_uses_with(cast.outputs[0], replace_graph_outputs=True)
            cast.replace_input_with(0, result)
            result.type = ir.TensorType(ir.DataType.FLOAT16)
            graph.insert_after(node, cast)
            behind.update(cast.outputs)
        if node.op_type == "Conv" or any(value in behind for value in node.inputs):
            behind.update(node.outputs)
    for name, value in list(graph.initializers.items()):
        if not value.uses():
            del graph.initializers[name]
