"""Pooling: the largest or the mean of windows of images and of sequences."""

from __future__ import annotations

from fastnn.eager.images import Ints, Sizes, numbers, refuse_indices
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional
from fastnn.nn.module import Module


class _MaxPool(Module):
    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        refuse_indices(f"{type(self).__name__}:", return_indices)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool2d(_MaxPool):
    """The largest of each window: (N, C, H, W) -> (N, C, oh, ow). stride None: kernel_size.

    Raises:
        ValueError: return_indices, which is not supported; on use, a kernel larger than the padded image.
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool1d(_MaxPool):
    """The largest of each window: (N, C, L) -> (N, C, ol). stride None: kernel_size.

    Raises:
        ValueError: return_indices, which is not supported; on use, a kernel longer than the padded sequence.
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class AvgPool2d(Module):
    """The mean of each window: (N, C, H, W) -> (N, C, oh, ow). stride None: kernel_size. Zeros of the padding count,
    unless count_include_pad is False; divisor_override divides instead of the window's size.
    """

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(Module):
    """The mean of each window: (N, C, L) -> (N, C, ol). stride None: kernel_size. Zeros of the padding count, unless
    count_include_pad is False.
    """

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = numbers("AvgPool1d: kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else numbers("AvgPool1d: stride", stride, 1)
        self.padding = numbers("AvgPool1d: padding", padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        how = (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        return functional.avg_pool1d(x, *how)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptivePool(Module):
    def __init__(self, output_size: Sizes) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(_AdaptivePool):
    """Means of windows that cut the images into output_size, whatever their own: (N, C, H, W) -> (N, C, oh, ow)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(x, self.output_size)


class AdaptiveAvgPool1d(_AdaptivePool):
    """Means of windows that cut the sequences into output_size: (N, C, L) -> (N, C, ol)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool1d(x, self.output_size)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Sizes, return_indices: bool = False) -> None:
        super().__init__(output_size)
        refuse_indices(f"{type(self).__name__}:", return_indices)
        self.return_indices = return_indices


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest of windows that cut the images into output_size, whatever their own: (N, C, H, W) -> (N, C, oh, ow).

    Raises:
        ValueError: return_indices, which is not supported.
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_max_pool2d(x, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest of windows that cut the sequences into output_size: (N, C, L) -> (N, C, ol).

    Raises:
        ValueError: return_indices, which is not supported.
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_max_pool1d(x, self.output_size)
