"""Models as ONNX files, for onnxruntime and other programs, and back: see :func:`export` and :func:`load`."""

from fastnn.onnx.exporting import export

__all__ = ["export"]
