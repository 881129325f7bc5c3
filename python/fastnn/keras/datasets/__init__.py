"""Data sets from local files: ``from fastnn.keras.datasets import mnist``."""

from __future__ import annotations

from fastnn.keras.datasets import cifar10, cifar100, fashion_mnist, mnist

__all__ = ["cifar10", "cifar100", "fashion_mnist", "mnist"]
