"""ImageFolder and MNIST."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from benchmarks.peers.folder_of_images import list_images


class ImageFolder(Dataset):
    """root/<class>/<image>, opened as RGB."""

    def __init__(self, root: str, transform: Callable | None = None) -> None:
        self.samples = list(zip(*list_images(root), strict=True))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.samples[index]
        with open(path, "rb") as file:
            image = Image.open(file).convert("RGB")
        return image if self.transform is None else self.transform(image), label


class MNIST(Dataset):
    """The IDX files in root/MNIST/raw."""

    def __init__(
        self, root: str, train: bool = True, download: bool = False, transform: Callable | None = None
    ) -> None:
        split = "train" if train else "t10k"
        arrays = []
        for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
            with gzip.open(os.path.join(root, "MNIST", "raw", f"{split}-{kind}-ubyte.gz")) as file:
                arrays.append(np.frombuffer(file.read()[header:], np.uint8))
        self.data = torch.from_numpy(arrays[0].reshape(-1, 28, 28).copy())
        self.targets = torch.from_numpy(arrays[1].astype(np.int64))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = Image.fromarray(self.data[index].numpy())
        return image if self.transform is None else self.transform(image), int(self.targets[index])
