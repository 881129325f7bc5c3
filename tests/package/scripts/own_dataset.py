"""Data sets of one's own, with and without a type of their samples; samplers, splits, transforms."""

from collections.abc import Iterator
from typing import assert_type

import fastnn as torch
import numpy as np
from fastnn import transforms
from fastnn.utils.data import DataLoader, Dataset, Subset, random_split
from PIL import Image


class Squares(Dataset[tuple[torch.Tensor, int]]):
    def __init__(self, count: int) -> None:
        self.steps = transforms.Compose([transforms.Resize(4), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
        self.images = [Image.fromarray(np.full((8, 8), 8 * i, np.uint8)) for i in range(count)]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.steps(self.images[index]), index % 2


class Pairs(Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[float, float]:
        return float(index), float(index) ** 2


def batches(loader: DataLoader) -> Iterator[int]:
    for data, label in loader:
        assert data.shape[0] == len(label)
        yield data.shape[0]


data = Squares(10)
image, label = data[3]
assert_type(image, torch.Tensor)
first, rest = random_split(data, [3, 7])
assert_type(first, Subset[tuple[torch.Tensor, int]])
assert sum(batches(DataLoader(rest, batch_size=4, shuffle=True))) == 7
assert sum(batches(DataLoader(Pairs(), batch_size=2))) == 4
