"""Data sets, samplers and the loader under PyTorch's names (``torch.utils.data``); see :mod:`fastnn.data`.

Its modules ``dataloader``, ``dataset`` and ``sampler`` import too.
"""

from fastnn.data import dataset, sampler
from fastnn.data import loader as dataloader
from fastnn.data.collate import default_collate, default_convert
from fastnn.data.dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from fastnn.data.loader import DataLoader, get_worker_info
from fastnn.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

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
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "dataloader",
    "dataset",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
    "sampler",
]
