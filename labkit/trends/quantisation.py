"""Networks as files of ONNX, in floats or in eight bits, and the runtime that answers from them on one thread.

Eight bits come from ONNX Runtime. *Dynamic* quantisation stores weights as bytes and finds the scale of a layer's input
while it answers; *static* quantisation has measured these scales before, on training images (Jacob et al. 2018).
torch's own dynamic quantisation is deprecated, and torchao's covers dense layers only, of which this network has one.
"""
import contextlib
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime import quantization
from torch import nn

from labkit.device import eval_mode
from labkit.evaluation import as_float

INPUT, OUTPUT = "images", "logits"
BATCH = 100         # images at a time, where there are many


def export(model: nn.Module, shape: tuple[int, ...]) -> bytes:
    """The file of `model` for inputs (N, *shape), any N.

    By torch's older exporter: the newer one takes seconds for each network and writes what it is missing to the log.
    """
    with tempfile.TemporaryDirectory() as folder, eval_mode(model), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(model, (torch.zeros(2, *shape),), str(Path(folder) / "model.onnx"), dynamo=False,
                          input_names=[INPUT], output_names=[OUTPUT],
                          dynamic_axes={INPUT: {0: "examples"}, OUTPUT: {0: "examples"}})
        return (Path(folder) / "model.onnx").read_bytes()


def dynamic(stored: bytes) -> bytes:
    """The file with weights of eight bits; the scale of what they meet is found anew for each batch."""
    def quantise(source: Path, target: Path) -> None:
        quantization.quantize_dynamic(source, target, weight_type=quantization.QuantType.QUInt8)
    return _converted(stored, quantise)


def static(stored: bytes, images: torch.Tensor) -> bytes:
    """The file with weights and activations of eight bits, their ranges taken from `images` (uint8, N, C, H, W).

    Bytes without sign for both: with signed weights, processors that lack an instruction for it (VNNI) add up pairs of
    products in 16 bits, which overflow, and accuracy is lost.
    """
    def quantise(source: Path, target: Path) -> None:
        quantization.quantize_static(source, target, _Images(images), quant_format=quantization.QuantFormat.QDQ,
                                     activation_type=quantization.QuantType.QUInt8,
                                     weight_type=quantization.QuantType.QUInt8)
    return _converted(stored, quantise)


def session(stored: bytes) -> onnxruntime.InferenceSession:
    """The runtime with this network, on one thread of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3      # errors
    return onnxruntime.InferenceSession(stored, options, providers=["CPUExecutionProvider"])


def answer(runtime: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    """Logits (N, classes) for float32 images (N, C, H, W) in 0..1."""
    return runtime.run([OUTPUT], {INPUT: images})[0]


def logits(stored: bytes, images: torch.Tensor) -> torch.Tensor:
    """What the file answers to `images` (N, C, H, W), uint8 or float: logits (N, classes)."""
    runtime = session(stored)
    return torch.cat([torch.from_numpy(answer(runtime, as_float(part).numpy())) for part in images.split(BATCH)])


class _Images(quantization.CalibrationDataReader):
    """Batches of images, as calibration asks for them: one after the other, then None."""

    def __init__(self, images: torch.Tensor):
        self._parts = iter(images.split(BATCH))

    def get_next(self) -> dict[str, np.ndarray] | None:
        part = next(self._parts, None)
        return None if part is None else {INPUT: as_float(part).numpy()}


def _converted(stored: bytes, convert) -> bytes:
    """What `convert(source, target)` makes of the file; both are paths, since the library works on files."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = (Path(folder) / name for name in ("source.onnx", "target.onnx"))
        source.write_bytes(stored)
        convert(source, target)
        return target.read_bytes()


@contextlib.contextmanager
def _quiet():
    """Without the library's advice to prepare the file first, which it gives through the root logger each time."""
    def passes(record: logging.LogRecord) -> bool:
        return "pre-process" not in record.getMessage()
    root = logging.getLogger()
    root.addFilter(passes)
    try:
        yield
    finally:
        root.removeFilter(passes)
