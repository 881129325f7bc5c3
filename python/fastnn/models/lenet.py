"""LeNet: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998, as it is taught today."""

from __future__ import annotations

from fastnn.eager.tensor import Tensor
from fastnn.nn import functional
from fastnn.nn.convolution import Conv2d
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.pooling import MaxPool2d


class LeNet(Module):
    """Two convolutions of 5x5, to 6 and 16 maps, each with ReLU and 2x2 max pooling; then 120-84-classes.

    Shapes: (N, *input_shape) -> logits (N, num_classes). padding is that of the first convolution.

    Raises:
        ValueError: images so small that nothing is left behind the second pooling.
    """

    def __init__(self, input_shape: tuple[int, int, int], num_classes: int, padding: int = 0) -> None:
        super().__init__()
        channels, height, width = input_shape
        rows, columns = (((side + 2 * padding - 4) // 2 - 4) // 2 for side in (height, width))
        if min(rows, columns) < 1:
            least = 16 - 2 * padding
            raise ValueError(f"LeNet: images of {height}x{width} are too small: at least {least}x{least}")
        self.input_shape, self.num_classes = (channels, height, width), num_classes
        self.padding = padding
        self.conv1 = Conv2d(channels, 6, 5, padding=padding)
        self.conv2 = Conv2d(6, 16, 5)
        self.pool = MaxPool2d(2)
        self.fc1 = Linear(16 * rows * columns, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(functional.relu(self.conv1(x)))
        x = self.pool(functional.relu(self.conv2(x)))
        x = x.flatten(1)
        x = functional.relu(self.fc1(x))
        x = functional.relu(self.fc2(x))
        return self.fc3(x)


def lenet5(num_classes: int = 10, input_shape: tuple[int, int, int] = (1, 28, 28)) -> LeNet:
    """LeNet-5: the first convolution pads by 2, so that 28x28 pixels are the paper's 32x32 (61,706 parameters)."""
    return LeNet(input_shape, num_classes, padding=2)


def lenet(input_shape: tuple[int, int, int] = (3, 64, 64), num_classes: int = 2) -> LeNet:
    """LeNet for images of any size from 16x16, without padding."""
    return LeNet(input_shape, num_classes)
