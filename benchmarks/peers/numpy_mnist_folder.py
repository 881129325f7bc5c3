"""The tutorial's job in Pillow and NumPy: every file is decoded once, then everything is in memory.

usage: python -m benchmarks.peers.numpy_mnist_folder DIR [--epochs N]
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from benchmarks.peers.folder_of_images import list_images, read_image
from benchmarks.peers.numpy_train_step import Trainer

SIZES, BATCH = (784, 256, 10), 64
WORK = SimpleNamespace(activation="relu", loss="cross_entropy", optimizer="adam", lr=1e-3)


def read(folder: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """x float32 (N, 784), y int64 (N,), paths."""
    paths, labels = list_images(folder)
    return np.stack([read_image(path).reshape(-1) for path in paths]), np.array(labels), paths


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    parameters = []
    for inputs, outputs in pairwise(SIZES):
        shapes, limit = ((outputs, inputs), (outputs,)), inputs**-0.5
        parameters += [rng.uniform(-limit, limit, shape).astype(np.float32) for shape in shapes]
    x, y, _ = read(f"{args.data}/train")
    trainer = Trainer(SimpleNamespace(work=WORK, parameters=parameters, batches=list))
    for epoch in range(args.epochs):
        order = rng.permutation(len(x))
        batches = [order[start : start + BATCH] for start in range(0, len(x), BATCH)]
        loss = np.mean([trainer.train(x[batch], y[batch]) for batch in batches])
        print(f"Epoch {epoch + 1}/{args.epochs} | Loss: {loss:.4f}")

    x, y, paths = read(f"{args.data}/test")
    weight1, bias1, weight2, bias2 = trainer.parameters()
    predicted = (np.maximum(x @ weight1.T + bias1, 0) @ weight2.T + bias2).argmax(axis=1)
    for wrong in np.flatnonzero(predicted != y):
        print(f"wrong case: predict = {predicted[wrong]} y = {y[wrong]} img_path = {paths[wrong]}")
    right = int(np.sum(predicted == y))
    print(f"test accuracy = {right} / {len(y)} = {right / len(y):.3f}")


if __name__ == "__main__":
    main()
