"""Data sets, samplers and the loader under PyTorch's names (``torch.utils.data``); see :mod:`fastnn.data`."""

from fastnn.data.collate import default_collate, default_convert
from fastnn.data.dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from fastnn.data.loader import DataLoader
from fastnn.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "TensorDataset",
    "default_collate",
    "default_convert",
    "random_split",
]
