"""Eager code: tensors on NumPy arrays, the tape, and the primitive ops that compute.

tensor.py      Tensor, PyTorch's methods            support.py     what makes results of ops, and their shapes
autograd.py    the tape and backward()              ops.py         the primitives: the only functions that compute
creation.py    fastnn.zeros, tensor, cat, ...       linalg.py      matmul, linear
reductions.py  sum, mean, max over axes             indexing.py    x[key]
inplace.py     x += y, x[key] = value               printing.py    how tensors print
dtypes.py      float32, int64, Size                 device.py      cpu

The public names are in :mod:`fastnn`.
"""
