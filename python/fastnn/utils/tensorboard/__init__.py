"""TensorBoard event files under PyTorch's name (``torch.utils.tensorboard``); see :mod:`fastnn.io.event_files`."""

from fastnn.io import event_files as writer
from fastnn.io.event_files import SummaryWriter

__all__ = ["SummaryWriter", "writer"]
