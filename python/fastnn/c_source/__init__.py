"""Networks as C99: one file without dependencies, whose ``predict(x, y)`` gives fastnn's bits.

``export(model, example, "digits.c")`` writes the weights as their bits, and the kernels that the network needs as the
definitions of ``cpp/kernels`` say them: the same order of every sum, fused multiply-adds rounded once, own exp and log.
So the outputs are the same numbers as the model's, on any processor with IEEE 754's single and double precision.
"""

from fastnn.c_source.export import Pixels, export, text

__all__ = ["Pixels", "export", "text"]
