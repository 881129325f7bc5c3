"""Models as ONNX files, for onnxruntime and other programs, and back: see :func:`export` and :func:`load`."""

from fastnn.onnx.exporting import export
from fastnn.onnx.loading import load

__all__ = ["export", "load"]
