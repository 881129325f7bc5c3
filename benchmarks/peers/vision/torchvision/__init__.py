"""The steps of torchvision that the tutorials use, without its dispatching: for machines that have PyTorch alone."""

from torchvision import datasets, transforms

__all__ = ["datasets", "transforms"]
