"""torch's DataLoader over a folder, item by item as torchvision's ImageFolder: in process and with 2 workers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.folder_of_images import list_images

SETTINGS = (
    "torch: DataLoader(batch_size=64) over open, convert to RGB, to grey, ToTensor (torchvision's steps without its "
    "dispatching); starting 2 worker processes is part of a pass, as it is of an epoch"
)


class Folder(Dataset):
    """torchvision's ImageFolder with Grayscale and ToTensor."""

    def __init__(self, root: str) -> None:
        self.paths, self.labels = list_images(root)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with open(self.paths[index], "rb") as file:
            image = Image.open(file).convert("RGB").convert("L")
        pixels = torch.from_numpy(np.array(image, np.uint8)).view(image.height, image.width, 1)
        return pixels.permute((2, 0, 1)).contiguous().to(torch.float32).div(255), self.labels[index]


def sources(root: str, batch: int) -> dict[str, Callable[[], DataLoader]]:
    """What gives the batches of a pass, by name."""
    return {
        "torch, in process": lambda: DataLoader(Folder(root), batch_size=batch),
        "torch, 2 workers": lambda: DataLoader(Folder(root), batch_size=batch, num_workers=2),
    }
