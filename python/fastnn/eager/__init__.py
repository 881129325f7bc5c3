"""Eager code: tensors on NumPy arrays, the tape, and the primitive ops that compute. Lowest first:

memory.py       where arrays lie                     dtypes.py      float32, int64, Size
device.py       cpu                                  ops.py         the primitives: the only functions that compute
evidence.py     what fastnn.check asks for           autograd.py    the tape and backward()
support.py      how results are made, their shapes
elementwise.py  arithmetic, comparison, relu, ...    softmax.py     softmax and log_softmax
shapes.py       reshape, transpose, ...              reductions.py  sum, mean, max over axes
linalg.py       matmul, linear                       indexing.py    x[key], x[key] = value
inplace.py      what a change in place may do        printing.py    how tensors print
tensor.py       Tensor: all these as its methods     creation.py    fastnn.zeros, tensor, cat, ...

To add an op: its primitive in ops.py, and here or in nn/functional.py a function that makes a ``result`` of it, with
the backward and the inputs that it reads.

The public names are in :mod:`fastnn`.
"""
