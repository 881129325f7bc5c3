"""One network, three ways to write it: NumPy, fastnn in Keras style, fastnn in PyTorch style; float32 in all three.

784-128-10 with ReLU and softmax on fastnn's built-in digits, cross-entropy, SGD with momentum, batches of 64:

    h = relu(x W1 + b1), p = softmax(h W2 + b2), loss = -mean(log p[label])
    d2 = (p - onehot(label)) / n,   d1 = (d2 W2^T) (h > 0),   v = momentum v + gradient,   w -= rate v

Same first weights, same order of the images, same constants: the two styles end with the same bits, NumPy within
1e-4 of them, as it adds in another order. (SGD, because Keras and PyTorch put Adam's epsilon in different places.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import fastnn
import numpy as np
import picture
from fastnn import keras, nn, optim
from fastnn.data.digits import make_digits

HIDDEN = 128
BATCH = 64
RATE = 0.1
MOMENTUM = 0.9

Weights = list[np.ndarray]  # W1 (784, HIDDEN), b1 (HIDDEN,), W2 (HIDDEN, 10), b2 (10,)


def batches(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(0, len(x), BATCH):
        yield x[i : i + BATCH], y[i : i + BATCH]


def forward(weights: Weights, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hidden layer and probabilities."""
    w1, b1, w2, b2 = weights
    h = np.maximum(x @ w1 + b1, 0)
    z = h @ w2 + b2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return h, e / e.sum(axis=1, keepdims=True)


def numpy_way(start: Weights, x: np.ndarray, y: np.ndarray, epochs: int) -> tuple[Weights, list[float]]:
    weights = [each.copy() for each in start]
    momenta = [np.zeros_like(each) for each in start]
    losses = []
    for _ in range(epochs):
        for images, labels in batches(x, y):
            rows = np.arange(len(images))
            h, p = forward(weights, images)
            losses.append(float(-np.log(p[rows, labels]).mean()))
            d2 = p.copy()
            d2[rows, labels] -= 1
            d2 /= len(images)
            d1 = (d2 @ weights[2].T) * (h > 0)
            gradients = [images.T @ d1, d1.sum(axis=0), h.T @ d2, d2.sum(axis=0)]
            for w, v, gradient in zip(weights, momenta, gradients, strict=True):
                v *= MOMENTUM
                v += gradient
                w -= RATE * v
    return weights, losses


def keras_way(start: Weights, x: np.ndarray, y: np.ndarray, epochs: int) -> tuple[Weights, list[float]]:
    """Its history has the mean loss of each epoch, where the other two have each batch."""
    model = keras.Sequential(
        [
            keras.layers.Dense(HIDDEN, activation="relu", input_shape=(784,)),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights(start)
    model.compile(keras.optimizers.SGD(RATE, momentum=MOMENTUM), "sparse_categorical_crossentropy")
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights(), history.history["loss"]


def pytorch_way(start: Weights, x: np.ndarray, y: np.ndarray, epochs: int) -> tuple[Weights, list[float]]:
    model = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    with fastnn.no_grad():
        for parameter, values in zip(model.parameters(), start, strict=True):
            parameter.copy_(fastnn.tensor(values.T))  # Linear keeps W transposed
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    losses = []
    for _ in range(epochs):
        for images, labels in batches(x, y):
            loss = criterion(model(fastnn.tensor(images)), fastnn.tensor(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return [each.detach().numpy().T.copy() for each in model.parameters()], losses


def largest_difference(one: Weights, other: Weights) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def main() -> None:
    args = picture.options(__doc__, "epochs", 1).parse_args()
    images, labels, test_images, test_labels = make_digits()
    random = np.random.RandomState(args.seed)
    order = random.permutation(len(images))  # one order for all three
    x, y = images[order].reshape(-1, 784).astype(np.float32) / 255, labels[order]
    start = [
        random.normal(0, np.sqrt(2 / 784), (784, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        random.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, 10)).astype(np.float32),
        np.zeros(10, np.float32),
    ]
    test_x = test_images.reshape(-1, 784).astype(np.float32) / 255

    weights, losses = {}, {}
    for name, way in (("NumPy", numpy_way), ("Keras style", keras_way), ("PyTorch style", pytorch_way)):
        began = time.perf_counter()
        weights[name], losses[name] = way(start, x, y, args.epochs)
        seconds = time.perf_counter() - began
        right = int((forward(weights[name], test_x)[1].argmax(axis=1) == test_labels).sum())
        print(f"{name}: test accuracy = {right} / {len(test_labels)}, {seconds:.2f} s")

    pairs = zip(weights["Keras style"], weights["PyTorch style"], strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in pairs), "the two styles differ"
    print("Keras style and PyTorch style: equal bit for bit")
    difference = largest_difference(weights["NumPy"], weights["PyTorch style"])
    print(f"NumPy and fastnn: weights differ by at most {difference:.1e}")
    assert args.epochs > 1 or difference < 1e-4

    def draw(axes: Any, batch: int) -> None:
        axes[0].plot(losses["NumPy"][:batch], linewidth=4, color="lightblue", label="NumPy")
        axes[0].plot(losses["PyTorch style"][:batch], linewidth=1, color="black", label="PyTorch style")
        axes[0].legend(loc="upper right")
        axes[0].set(title=f"loss of each batch: {batch}", xlim=(0, len(losses["NumPy"])), ylim=(0, 3), xlabel="batch")
        apart = [np.abs(a - b).ravel() for a, b in zip(weights["NumPy"], weights["PyTorch style"], strict=True)]
        axes[1].hist(np.log10(np.concatenate(apart) + 1e-10), bins=50)
        axes[1].set(title="weights: NumPy - fastnn", xlabel="log10 of the difference (-10: none)")

    picture.show(args, draw, picture.moments(len(losses["NumPy"])), (1, 2))


if __name__ == "__main__":
    main()
