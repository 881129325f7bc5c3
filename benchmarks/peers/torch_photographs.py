"""PyTorch's LeNet on photographs as tutorials train it: torchvision's ImageFolder and transforms, two workers."""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.peers.torch_images import LeNet

NAME = "torch, 2 workers"
SETTINGS = (
    "torch: ImageFolder; Resize, CenterCrop, RandomCrop(padding=size/8, reflect), RandomHorizontalFlip, ToTensor; "
    "DataLoader(num_workers=2, persistent_workers=True); eager steps, Adam with fused=True"
)


class Epochs:
    """One epoch after the other of one training."""

    def __init__(self, root: str, size: int, batch: int, threads: int) -> None:
        torch.set_num_threads(threads)
        # What torchvision has of compiled operators may be built for another PyTorch; its transforms do without.
        sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
        from torchvision import datasets, transforms

        steps = [
            transforms.Resize(size),
            transforms.CenterCrop(size),
            transforms.RandomCrop(size, padding=size // 8, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
        ]
        data = datasets.ImageFolder(root, transforms.Compose(steps))
        self.loader = DataLoader(data, batch_size=batch, shuffle=True, num_workers=2, persistent_workers=True)
        self.model = LeNet((3, size, size), len(data.classes), 0)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)

    def run(self) -> None:
        """The next."""
        for x, y in self.loader:
            loss = self.criterion(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
