"""The tutorial's script under PyTorch: train on a folder of images, save, load, test image by image.

It is written as beginners find it: DataLoader(batch_size=64, shuffle=True) in the same process, the five steps, a
printed loss every 100 batches, and a test that takes one image at a time and prints each wrong case. torchvision's
ImageFolder, Grayscale and ToTensor are replaced by the same steps, without its dispatching.

usage: python -m benchmarks.peers.torch_mnist_folder DIR [--epochs N]
"""

from __future__ import annotations

import argparse
import os

import numpy as np
import torch
from PIL import Image
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class ImageFolder(Dataset):
    """Images under root/<class>/, opened as RGB, made grey, as float32 (1, H, W) in [0, 1]."""

    def __init__(self, root: str) -> None:
        classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        self.samples = [
            (os.path.join(folder, file), label)
            for label, name in enumerate(classes)
            for folder, _, files in sorted(os.walk(os.path.join(root, name)))
            for file in sorted(files)
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.samples[index]
        with open(path, "rb") as file:
            image = Image.open(file).convert("RGB")
        image = image.convert("L")
        pixels = torch.from_numpy(np.array(image, np.uint8)).view(image.height, image.width, 1)
        return pixels.permute((2, 0, 1)).contiguous().to(torch.float32).div(255), label


class Network(nn.Module):
    """784-256-10 with ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(784, 256)
        self.layer2 = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer2(torch.relu(self.layer1(x.view(-1, 784))))


def train(data: str, epochs: int) -> None:
    train_dataset = ImageFolder(f"{data}/train")
    print("train_dataset length:", len(train_dataset))
    train_loader = DataLoader(train_dataset, batch_size=64, shuffle=True)
    print("train_loader length:", len(train_loader))
    model = Network()
    optimizer = optim.Adam(model.parameters())
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for batch_idx, (x, y) in enumerate(train_loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if batch_idx % 100 == 0:
                print(f"Epoch {epoch + 1}/{epochs} | Batch {batch_idx}/{len(train_loader)} | Loss: {loss.item():.4f}")
    torch.save(model.state_dict(), "mnist.pth")


def test(data: str) -> None:
    test_dataset = ImageFolder(f"{data}/test")
    print("test_dataset length:", len(test_dataset))
    model = Network()
    model.load_state_dict(torch.load("mnist.pth"))
    right = 0
    with torch.no_grad():
        for i, (x, y) in enumerate(test_dataset):
            predict = model(x).argmax(1).item()
            if predict == y:
                right += 1
            else:
                print(f"wrong case: predict = {predict} y = {y} img_path = {test_dataset.samples[i][0]}")
    print(f"test accuracy = {right} / {len(test_dataset)} = {right / len(test_dataset):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    train(args.data, args.epochs)
    test(args.data)


if __name__ == "__main__":
    main()
