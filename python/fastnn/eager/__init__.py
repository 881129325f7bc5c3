"""Eager code: tensors on NumPy arrays, the tape, and the primitive ops that compute. Lowest first:

memory.py       where arrays lie                     dtypes.py      float32, int64, Size
device.py       cpu                                  ops.py         the primitives: the only functions that compute
evidence.py     what fastnn.check asks for           autograd.py    the tape and backward()
support.py      how results are made, their shapes
elementwise.py  arithmetic, comparison, relu, ...    softmax.py     softmax and log_softmax
selection.py    abs, clamp, where, maximum           rounding.py    round, floor, // and %
logic.py        & | ~, isnan                         error_function.py  erf
powers.py       x ** y of tensors
shapes.py       reshape, transpose, split, ...       reductions.py  sum, mean, max over axes
statistics.py   var, std, norm, cumsum               ordering.py    sort, topk, gather, ...
linalg.py       matmul, bmm, linear                  indexing.py    x[key], x[key] = value
images.py       conv2d, pooling, batch norm          sequences.py   conv1d, pooling of (N, C, L)
transposed_convolution.py  conv_transpose2d
inplace.py      what a change in place may do        draws.py       random numbers, normal_
spelling.py     axis= for dim=, ...                  printing.py    how tensors print
tensor.py       Tensor: all these as its methods     creation.py    fastnn.zeros, tensor, cat, ...
functions.py    methods as functions: fastnn.relu    legacy.py      fastnn.Tensor, FloatTensor, Variable

To add an op: its primitive in ops.py, and here or in nn/functional.py a function that makes a ``result`` of it, with
the backward and the inputs that it reads.

The public names are in :mod:`fastnn`.
"""
