"""Functions of images (N, C, H, W): convolution, pooling, batch norm. Each forward line has its backward beside it.

In memory images lie [N][H][W][C], "channels last", and kernels [kh][kw][I][O], as the core reads them; shapes are
PyTorch's all the same. What lies otherwise is copied once, by an op that a recording sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager import dtypes, ops
from fastnn.eager.autograd import ANY, grad_mode
from fastnn.eager.indexing import picked
from fastnn.eager.inplace import write
from fastnn.eager.support import FACTORS, TensorBase, check_memory, result, wrap
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor

Pair = tuple[int, int]
Ints = int | Sequence[int]


_MOST = 2**31  # of a number for each axis: far more than an image has pixels, and what the core takes as an integer


def numbers(name: str, value: Ints, count: int) -> tuple[int, ...]:
    """A number for each of count axes, given as one for all of them or one by one.

    Raises:
        TypeError: it is neither.
        ValueError: one is larger than any image.
    """
    values = (value,) * count if type(value) is int else value
    if type(values) is not tuple or len(values) != count or {*map(type, values)} != {int}:  # not as layers keep them
        values = _checked_numbers(name, value, count)
    if max(values) > _MOST or min(values) < -_MOST:
        raise ValueError(f"{name} is {value}: no image has so many pixels")
    return values


def _checked_numbers(name: str, value: Ints, count: int) -> tuple[int, ...]:
    values = (value,) * count if is_integer(value) else value
    if not isinstance(values, tuple | list) or len(values) != count or not all(map(is_integer, values)):
        several = " or two of them (rows, columns)" if count == 2 else ""
        raise TypeError(f"{name} must be an integer{several}, got {value!r}")
    return tuple(map(int, values))


def pair(name: str, value: Ints) -> Pair:
    """:func:`numbers` of (rows, columns)."""
    rows, columns = value if type(value) is tuple and len(value) == 2 else (value, value)
    if type(rows) is int and type(columns) is int and 0 <= rows <= _MOST and 0 <= columns <= _MOST:
        return rows, columns  # each layer's call comes this way: several times as fast
    return numbers(name, value, 2)  # type: ignore[return-value]


def channels_last(data: np.ndarray) -> np.ndarray:
    """Images with their channels last in memory: data itself, or a copy."""
    if data.ndim != 4:
        return data
    turned = data.transpose(0, 2, 3, 1)
    return data if turned.flags.c_contiguous else ops.copy(turned).transpose(0, 3, 1, 2)


def batched(x: Tensor, function: Callable[..., Tensor], *others: object) -> Tensor:
    """function of a batch and of others; of a single image (C, H, W) as a batch of one.

    Raises:
        TypeError: x holds integers, another tensor of them does not.
        ValueError: integers whose sums may be beyond 2^53.
    """
    data = x._data
    if data.dtype.kind != "f":
        return _of_integers(x, function, others)
    if data.ndim != 3:
        return function(x, *others)
    return function(x.unsqueeze(0), *others).squeeze(0)


def _of_integers(x: Tensor, function: Callable[..., Tensor], others: tuple) -> Tensor:
    """:func:`batched` of integers, in float64: exact, means cut off; small types wrap around."""
    tensors = [each for each in (x, *others) if isinstance(each, TensorBase)]
    if not dtypes.is_integer(x._data.dtype) or any(each._data.dtype != x._data.dtype for each in tensors):
        text = f"images must be float32 or float64, got {x.dtype!r}: x.float() / 255 is what ToTensor() makes of pixels"
        raise told(TypeError(text), "image.dtype", got=repr(x.dtype))
    arrays = [each._read("a function of images of integers") for each in tensors]
    most = prod(max(1, int(each.max(initial=0)), -int(each.min(initial=0))) for each in arrays)
    if most * max(each.size for each in arrays) > 2**53:
        raise ValueError(f"images of integers: sums of products up to {most} may be beyond 2^53: use x.double()")
    given = (each.double() if isinstance(each, TensorBase) else each for each in others)
    return batched(x.double(), function, *given).long().to(x.dtype)  # C leaves smaller types open


# -- convolution -----------------------------------------------------------------------------------------------------


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """y = x * weight + bias: x (N, C, H, W) or (C, H, W), weight (O, C / groups, kh, kw), bias (O,).

    padding: zeros on each side, or (above, left, below, right); ``"valid"``: none; ``"same"``: as many as keep the
    size, one more behind than before where they are odd (only with stride 1).

    Raises:
        ValueError: channels that do not fit, groups that do not divide, a kernel larger than the padded image.
        TypeError: dtypes that differ.
    """
    kernels = weight._to_read().shape
    if len(kernels) != 4:
        raise ValueError(f"[conv2d] weight must have 4 dimensions (O, C / groups, kh, kw), got shape {kernels}")
    _check_channels(input._data.shape, kernels[1] * groups)
    return batched(input, convolution, weight, bias, pair("stride", stride), padding, dilation, groups)


def _check_channels(shape: tuple[int, ...], channels: int) -> None:
    """Refuses other channels where more can be said than the core does: of one image, which it would call a batch, and
    of channels last, grey for colour.
    """
    single = len(shape) == 3
    if len(shape) not in (3, 4) or shape[-3] == channels:
        return
    got, last = shape[-3], shape[-1]
    if last in (1, 3) and got not in (1, 3) and (single or last != channels):
        place = "(2, 0, 1)" if single else "(0, 3, 1, 2)"
        hint = f"; its last dimension is {last}: channels last? use x.permute{place}"
        hint += ", and Grayscale(3) for grey images" if (last, channels) == (1, 3) else ""
    elif single:
        grey = "a grey image for a network of 3 channels: Grayscale(3), or a first layer of 1 channel"
        batch = "a batch of grey images needs x.unsqueeze(1), (N, 1, H, W)"
        hint = f", one image (C, H, W); {grey if (got, channels) == (1, 3) else batch}"
    else:
        return
    raise wrong_channels("conv2d", shape, channels, hint)


def wrong_channels(op: str, shape: tuple[int, ...], channels: int, hint: str = "") -> ValueError:
    """What is raised for x of a shape where others are needed."""
    expected = "1 channel" if channels == 1 else f"{channels} channels"
    text = f"[{op}] expected {expected}, got {shape[-3]}: x has shape {shape}{hint}"
    return told(ValueError(text), "conv2d.channels", expected=channels, got=shape[-3], shape=str(shape))


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Ints | str, dilation: Ints, groups: int
) -> Tensor:
    """:func:`conv2d` of a batch; of a weight (O, C / groups, k), with a height of 1."""
    data, w = channels_last(x._data), _kernels(weight)
    kernel, spread = w.shape[2:], pair("dilation", dilation)
    settings = (stride, padding_of(padding, kernel, stride, spread), spread, groups)
    y = ops.conv2d(data, w, None if bias is None else bias._data, *settings)
    if not grad_mode.enabled:
        return wrap(y)
    return convolved(y, (x, weight, bias), *_gradients(data, weight, kernel, settings))


def _kernels(weight: Tensor) -> np.ndarray:
    data = weight._to_read()
    return data[:, :, None] if data.ndim == 3 else data


Gradient = Callable[[np.ndarray], np.ndarray]


def _gradients(data: np.ndarray, weight: Tensor, kernel: tuple[int, ...], settings: tuple) -> tuple[Gradient, Gradient]:
    """What makes a convolution's gradients of its input and of its weight out of that of its result."""
    size, low = data.shape[2:], weight._to_read().ndim == 3

    def grad_weight(grad: np.ndarray) -> np.ndarray:
        g = ops.conv2d_grad_weight(grad, data, kernel, *settings)
        return g.squeeze(2) if low else g

    return lambda grad: ops.conv2d_grad_x(grad, _kernels(weight), size, *settings), grad_weight


def convolved(
    y: np.ndarray,
    inputs: tuple[Tensor, Tensor, Tensor | None],
    grad_x: Gradient,
    grad_weight: Gradient,
) -> Tensor:
    """y of x, weight and bias, with these gradients where they are wanted, of that of y."""
    x, weight, bias = inputs

    def backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grad = channels_last(g)
        grads = (grad_x(grad) if x.requires_grad else None, grad_weight(grad) if weight.requires_grad else None)
        if bias is None:
            return grads
        return *grads, ops.conv2d_grad_bias(grad) if bias.requires_grad else None

    return result(y, (x, weight) if bias is None else (x, weight, bias), backward, "Convolution", FACTORS)


def padding_of(padding: Ints | str, kernel: Sequence[int], stride: Pair, dilation: Pair) -> tuple[int, int, int, int]:
    """What lies above, left, below and right of the images.

    Raises:
        ValueError: an unknown word, or "same" with a stride.
    """
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, got {stride}: it would keep the size")
        all_of = [spread * (size - 1) for size, spread in zip(kernel, dilation, strict=True)]
        return all_of[0] // 2, all_of[1] // 2, all_of[0] - all_of[0] // 2, all_of[1] - all_of[1] // 2
    if padding == "valid":
        return 0, 0, 0, 0
    if isinstance(padding, str):
        raise ValueError(f"padding must be numbers, 'same' or 'valid', got {padding!r}")
    return sides(padding)


def sides(padding: Ints) -> tuple[int, int, int, int]:
    """What lies above, left, below and right of the images, of as many numbers or of those of both sides.

    Raises:
        TypeError: neither.
    """
    if isinstance(padding, tuple) and len(padding) == 4:
        return (*pair("padding", padding[:2]), *pair("padding", padding[2:]))
    return pair("padding", padding) * 2


# -- pooling ---------------------------------------------------------------------------------------------------------


def refuse_indices(name: str, return_indices: bool) -> None:
    """Refuses return_indices.

    Raises:
        ValueError: it is asked for.
    """
    if return_indices:
        raise ValueError(f"{name} return_indices is not supported: indices are not kept (unpooling needs them)")


def max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest of each window of (N, C, H, W) or (C, H, W); stride None: kernel_size. The first of equals has the
    gradient; NaN is largest; padding is never.

    Raises:
        ValueError: a kernel larger than the padded image, padding of more than half of it, return_indices.
    """
    refuse_indices("[max_pool2d]", return_indices)
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    return batched(input, _max_pooled, (kernel, step, sides(padding), pair("dilation", dilation), bool(ceil_mode)))


def _max_pooled(x: Tensor, settings: tuple) -> Tensor:
    data = channels_last(x._data)
    y = ops.max_pool2d(data, *settings)
    if not grad_mode.enabled:
        return wrap(y)

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        return (ops.max_pool2d_backward(channels_last(g), data, *settings),)

    return result(y, (x,), backward, "MaxPool2DWithIndices", reads=((0, ANY),))


def avg_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of (N, C, H, W) or (C, H, W); stride None: kernel_size.

    Raises:
        ValueError: a kernel larger than the padded image, padding of more than half of it, a divisor below 1.
    """
    if divisor_override is not None and numbers("divisor_override", divisor_override, 1)[0] < 1:
        raise ValueError(f"[avg_pool2d] divisor_override is {divisor_override}; it must be at least 1")
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    settings = (kernel, step, sides(padding), bool(ceil_mode), bool(count_include_pad), divisor_override or 0)

    def pooled(x: Tensor) -> Tensor:
        data = channels_last(x._data)
        size = data.shape[2:]
        return result(
            ops.avg_pool2d(data, *settings),
            (x,),
            lambda g: (ops.avg_pool2d_backward(channels_last(g), size, *settings),),
            "AvgPool2D",
        )

    return batched(input, pooled)


Sizes = Ints | Sequence[int | None] | None


def output_size_of(output_size: Sizes, size: tuple[int, ...]) -> Pair:
    """The rows and columns that an adaptive pooling makes of images of a size; None: as many as they have.

    Raises:
        TypeError: neither one size for both nor two.
    """
    given = output_size if isinstance(output_size, tuple | list) else (output_size,) * 2
    kept = [own if wanted is None else wanted for wanted, own in zip(given, size[-2:], strict=False)]
    return pair("output_size", kept if len(given) == len(kept) else output_size)  # type: ignore[arg-type]


def adaptive_avg_pool2d(input: Tensor, output_size: Sizes) -> Tensor:
    """Means of windows that cut (N, C, H, W) or (C, H, W) into output_size; None: that of the images.

    Raises:
        ValueError: a size below 1.
        TypeError: neither one size for both nor two.
    """

    def pooled(x: Tensor) -> Tensor:
        data = channels_last(x._data)
        size = data.shape[2:]
        return result(
            ops.adaptive_avg_pool2d(data, output_size_of(output_size, size)),
            (x,),
            lambda g: (ops.adaptive_avg_pool2d_backward(channels_last(g), size),),
            "AdaptiveAvgPool2D",
        )

    return batched(input, pooled)


_MOST_WINDOWS = 1 << 16  # a side, as the core has it for means


def adaptive_max_pool2d(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Tensor:
    """The largest of each of the windows that cut (N, C, H, W) or (C, H, W) into output_size, as those of
    :func:`adaptive_avg_pool2d`; ties and NaN as in :func:`max_pool2d`.

    Raises:
        ValueError: a size below 1, images without pixels, return_indices.
        TypeError: neither one size for both nor two.
    """
    refuse_indices("[adaptive_max_pool2d]", return_indices)
    size = tuple(input.shape[-2:])
    if len(input.shape) not in (3, 4) or min(size) < 1:
        raise ValueError(f"[adaptive_max_pool2d] expected (N, C, H, W) or (C, H, W), got shape {tuple(input.shape)}")
    wanted = output_size_of(output_size, size)
    if not 1 <= min(wanted) <= max(wanted) <= _MOST_WINDOWS:
        raise ValueError(f"[adaptive_max_pool2d] output_size is {output_size}; it must be from 1 to {_MOST_WINDOWS}")
    cuts = [_cut(extent, windows) for extent, windows in zip(size, wanted, strict=True)]
    kernel = tuple(len(cut) // windows for cut, windows in zip(cuts, wanted, strict=True))
    if all(len(cut) == extent for cut, extent in zip(cuts, size, strict=True)):
        return max_pool2d(input, kernel)
    check_memory("adaptive_max_pool2d", (*input.shape[:-2], *map(len, cuts)))
    return max_pool2d(picked(input, cuts), kernel)


def _cut(extent: int, windows: int) -> np.ndarray:
    """The pixels of all windows of an axis, one window after the other: [floor(i extent / windows), ceil((i + 1) extent
    / windows)). Those of the shorter ones end with their last pixel twice, which comes second: it wins nothing.
    """
    number = np.arange(windows)
    first, last = number * extent // windows, -(-(number + 1) * extent // windows) - 1
    return np.minimum(first[:, None] + np.arange((last - first).max() + 1), last[:, None]).reshape(-1)


# -- batch norm ------------------------------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> Tensor:
    """Each channel of (N, C), (N, C, L) or (N, C, H, W) with mean 0 and variance 1, times weight, plus bias.

    In training with the batch's mean and variance, which move the running ones by momentum (unbiased: by the unbiased
    variance, as PyTorch); else with the running ones. Without those: always with the batch's.

    Raises:
        ValueError: sizes that do not fit, a single value a channel in training, where it is to be unbiased.
    """
    shape = input._data.shape
    if not 2 <= len(shape) <= 4:
        text = f"[batch_norm] expected (N, C), (N, C, L) or (N, C, H, W), got shape {shape}"
        raise told(ValueError(text), "batch_norm.rank", shape=shape)
    if not training and (running_mean is None or running_var is None):
        raise ValueError("[batch_norm] evaluation needs running_mean and running_var")
    axes = {2: (2, 3), 3: (2,), 4: ()}[len(shape)]  # that images have besides
    data = channels_last(_with_axes(input._data, axes))
    w, b = (None if each is None else each._data for each in (weight, bias))
    if training:
        y, gradients = _normalised_by_batch(data, w, b, running_mean, running_var, momentum, eps, unbiased)
    else:
        running = (running_mean._data, running_var._data)
        y = ops.batch_norm_inference(data, w, b, *running, eps)

        def gradients(g: np.ndarray) -> tuple[np.ndarray, ...]:
            return ops.batch_norm_inference_backward(g, data, w, *running, eps)

    return _with_gradients(input, weight, bias, y, axes, gradients)


def _with_axes(data: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """data with these axes of one element; np.expand_dims takes as long as a small op."""
    return data[:, :, None, None] if axes == (2, 3) else data[:, :, None] if axes else data


def _normalised_by_batch(
    data: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    unbiased: bool,
) -> tuple[np.ndarray, Callable[[np.ndarray], tuple[np.ndarray, ...]]]:
    running = (None if each is None else each._data for each in (running_mean, running_var))
    y, mean, inverse, *moved = ops.batch_norm(data, weight, bias, *running, float(momentum), float(eps), bool(unbiased))
    for buffer, value in zip((running_mean, running_var), moved, strict=True):
        if buffer is not None:
            write(buffer, ..., value)
    return y, lambda g: ops.batch_norm_backward(g, data, weight, mean, inverse)


def _with_gradients(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    y: np.ndarray,
    axes: tuple[int, ...],
    gradients: Callable[[np.ndarray], tuple[np.ndarray, ...]],
) -> Tensor:
    learned = [(place, each) for place, each in ((1, weight), (2, bias)) if each is not None]

    def backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grads = gradients(channels_last(_with_axes(g, axes)))
        return grads[0].squeeze(axes), *(grads[place] for place, _ in learned)

    reads = ((0, ANY), *(() if weight is None else ((1, 0),)))
    inputs = (x, *(each for _, each in learned))
    return result(y.squeeze(axes), inputs, backward, "NativeBatchNorm", reads)
