"""Network: arrays in, a history, numbers and files out."""

import tempfile
from pathlib import Path
from typing import assert_type

import fastnn
import numpy as np
from fastnn import models, nn
from numpy.typing import NDArray


def made(samples: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    x = np.random.default_rng(0).normal(size=(samples, 4)).astype(np.float32)
    return x, (x[:, 0] > x[:, 1]).astype(np.int64)


x, y = made(60)
net = fastnn.Network(4, 8, 2)
history = net.fit((x, y), val=(x, y), epochs=2, lr=0.01, verbose=0, seed=1)
losses = history.history["loss"]
assert_type(losses, list[float])
loss, accuracy = net.evaluate((x, y))
assert_type(accuracy, float)
classes = net.predict_classes(x)
assert classes.shape == (60,)
assert net.predict(x).sum() > 0
assert "layer1" in str(net.summary())
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "net.safetensors"
    net.save(path)
    again = fastnn.Network.load(path)
assert_type(again, fastnn.Network)
images = fastnn.Network(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 26 * 26, 10))
assert_type(images(fastnn.rand(1, 1, 28, 28)), fastnn.Tensor)
assert_type(models.lenet5()(fastnn.rand(1, 1, 28, 28)), fastnn.Tensor)
