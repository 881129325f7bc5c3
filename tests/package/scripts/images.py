"""Convolutions, batch norm, pooling, augmentation, and a training loop over image files."""

import tempfile
from pathlib import Path
from typing import assert_type

import fastnn as torch
import numpy as np
from fastnn import datasets, nn, optim, transforms
from fastnn.utils.data import DataLoader
from PIL import Image


class Small(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
        )
        self.head = nn.Linear(4, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.flatten(self.features(x), 1))


def write(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(rng.integers(0, 255, (9, 9, 3), np.uint8)).save(folder / kind / f"{i}.png")


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
steps = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.RandomCrop(8), transforms.ToTensor()])
with tempfile.TemporaryDirectory() as folder:
    write(Path(folder))
    data = datasets.ImageFolder(folder, transform=steps)
    model = Small(len(data.classes)).to(device)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for images, labels in DataLoader(data, batch_size=2, shuffle=True):
        images, labels = images.to(device), labels.to(device)
        loss = criterion(model(images), labels)
        assert_type(loss, torch.Tensor)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    torch.save({"model": model.state_dict(), "classes": data.classes}, Path(folder) / "small.pth")
    checkpoint = torch.load(Path(folder) / "small.pth")
    model.load_state_dict(checkpoint["model"])
