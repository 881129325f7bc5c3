"""Six ways to put a line through points, x and y = 1.2 x + noise (for the last way y is 0 or 1); e = y - prediction.

    error-rule       w x: w += alpha e x, one point after the other
    normal-equation  w x: w = sum(x y) / sum(x x), where the slope of the squared error is 0
    sgd              w x: w -= rate d(e^2)/dw = w + rate 2 e x, the points in a random order
    mini-batch       w x: the mean of that slope over ten points
    bias             w x + b: b -= rate d(e^2)/db = b + rate 2 e
    sigmoid          a = sigmoid(w x + b): both slopes times a (1 - a)

Each in NumPy and, with the same order of the points, in fastnn. The error rule is SGD in the points' own order with
alpha = 2 rate: the last point has the last word, so that one bad point there spoils w. The normal equation hears all
points alike.

A batch is xs[i : i + 10]. The well-known xs[i::i + 10] is a mistake: a start and a stride. It gives 10, 5, 3, 2, 2, 1,
1, 1, 1 and 1 points, all of them among the same ten of the hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fastnn
import numpy as np
import picture
from fastnn import nn, optim

POINTS = 100
BATCH = 10
ALPHA = 0.5  # at 0.05 the last word is quieter, and learning slower
RATE = 0.1
SIGMOID_RATE = 1.0  # a (1 - a) is a quarter at most
START = 0.5, 0.0  # w, b

Line = tuple[float, float]
Orders = list[np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def make_points(random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x from left to right, y near 1.2 x, and y of two classes whose border is blurred."""
    xs = np.sort(random.rand(POINTS))
    noise = random.rand(POINTS)
    return xs, 1.2 * xs + noise / 10, (xs + (noise - 0.5) / 5 > 0.5).astype(np.float64)


# -- NumPy: w and b after each update --------------------------------------------------------------------------------


def error_rule(xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Iterator[Line]:
    w, b = START
    for _ in orders:
        for x, y in zip(xs, ys, strict=True):
            e = y - w * x
            w += ALPHA * e * x
            yield w, b


def normal_equation(xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Iterator[Line]:
    yield (xs @ ys) / (xs @ xs), 0.0


def sgd(xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Iterator[Line]:
    w, b = START
    for order in orders:
        for x, y in zip(xs[order], ys[order], strict=True):
            w -= RATE * -2 * (y - w * x) * x
            yield w, b


def mini_batch(xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Iterator[Line]:
    w, b = START
    for order in orders:
        for i in range(0, POINTS, BATCH):
            x, y = xs[order][i : i + BATCH], ys[order][i : i + BATCH]
            w -= RATE * np.mean(-2 * (y - w * x) * x)
            yield w, b


def bias(xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Iterator[Line]:
    w, b = START
    for order in orders:
        for i in range(0, POINTS, BATCH):
            x, y = xs[order][i : i + BATCH], ys[order][i : i + BATCH]
            e = y - (w * x + b)
            w -= RATE * np.mean(-2 * e * x)
            b -= RATE * np.mean(-2 * e)
            yield w, b


def sigmoid_line(xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Iterator[Line]:
    w, b = START
    for order in orders:
        for i in range(0, POINTS, BATCH):
            x, y = xs[order][i : i + BATCH], ys[order][i : i + BATCH]
            a = sigmoid(w * x + b)
            slope = -2 * (y - a) * a * (1 - a)
            w -= SIGMOID_RATE * np.mean(slope * x)
            b -= SIGMOID_RATE * np.mean(slope)
            yield w, b


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, Orders], Iterator[Line]]] = {
    "error-rule": error_rule,
    "normal-equation": normal_equation,
    "sgd": sgd,
    "mini-batch": mini_batch,
    "bias": bias,
    "sigmoid": sigmoid_line,
}


# -- fastnn ----------------------------------------------------------------------------------------------------------


def with_fastnn(method: str, xs: np.ndarray, ys: np.ndarray, orders: Orders) -> Line:
    """The line after the same updates: MSELoss is the mean of e^2."""
    if method == "normal-equation":
        x, y = fastnn.tensor(xs), fastnn.tensor(ys)
        return ((x * y).sum() / (x * x).sum()).item(), 0.0
    has_bias = method in ("bias", "sigmoid")
    line = nn.Linear(1, 1, bias=has_bias)
    model = nn.Sequential(line, nn.Sigmoid()) if method == "sigmoid" else line
    model.double()
    start = {"weight": fastnn.tensor([[START[0]]]), "bias": fastnn.tensor([START[1]])}
    line.load_state_dict({name: start[name].double() for name, _ in line.named_parameters()})
    rate = {"error-rule": ALPHA / 2, "sigmoid": SIGMOID_RATE}.get(method, RATE)
    size = 1 if method in ("error-rule", "sgd") else BATCH
    trained = fastnn.compile(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=rate))
    for order in orders:
        x, y = (xs[:, None], ys[:, None]) if method == "error-rule" else (xs[order, None], ys[order, None])
        for i in range(0, POINTS, size):
            trained(x[i : i + size], y[i : i + size])
    return line.weight.item(), line.bias.item() if has_bias else 0.0


# -- what is printed and drawn ---------------------------------------------------------------------------------------


def predict(method: str, line: Line, xs: np.ndarray) -> np.ndarray:
    z = line[0] * xs + line[1]
    return sigmoid(z) if method == "sigmoid" else z


def draw_fit(axes: Any, method: str, xs: np.ndarray, ys: np.ndarray, lines: dict[str, Line]) -> None:
    axes.plot(xs, ys, ".", color="grey", markersize=4)
    for name, line in lines.items():
        axes.plot(xs, predict(method, line, xs), "--" if name else "-", label=name or None)
    if any(lines):
        axes.plot(xs[-1], 0, "x", color="black")
        axes.legend(loc="upper left")
    w, b = lines[""]
    axes.set(title=f"{method}: w = {w:.2f}" + (f", b = {b:.2f}" if b else ""), xlim=(0, 1), ylim=(-0.1, 1.4))


def main() -> None:
    parser = picture.options(__doc__, "epochs", 100)
    parser.add_argument("method", nargs="*", help="which of them (default: all)")
    args = parser.parse_args()
    for method in args.method:
        if method not in METHODS:
            parser.error(f"no method {method!r}; there are {', '.join(METHODS)}")
    chosen = args.method or list(METHODS)
    random = np.random.RandomState(args.seed)
    xs, near, classes = make_points(random)
    orders = [random.permutation(POINTS) for _ in range(args.epochs)]
    bad = np.append(near[:-1], 0.0)

    films = []
    for method in chosen:
        ys = classes if method == "sigmoid" else near
        steps = {"": list(METHODS[method](xs, ys, orders))}
        w, b = steps[""][-1]
        own_w, own_b = with_fastnn(method, xs, ys, orders)
        mse = np.mean((predict(method, (w, b), xs) - ys) ** 2)
        print(f"{method}: w = {w:.4f}, b = {b:.4f}, mean squared error {mse:.5f}, {len(steps[''])} updates")
        print(f"  fastnn: w = {own_w:.4f}, b = {own_b:.4f}; differs by {max(abs(own_w - w), abs(own_b - b)):.1e}")
        if method in ("error-rule", "normal-equation"):
            steps["last y = 0"] = list(METHODS[method](xs, bad, orders))
            print(f"  with one bad sample, the last y = 0: w = {steps['last y = 0'][-1][0]:.4f}")
        if method == "mini-batch":
            sizes = [len(xs[i :: i + BATCH]) for i in range(0, POINTS, BATCH)]
            seen = {x for i in range(0, POINTS, BATCH) for x in xs[i :: i + BATCH]}
            print(f"  xs[i::i+10] would be batches of {sizes}, {len(seen)} of {POINTS} points in all")
        films.append((method, ys, steps))

    def draw(axes: Any, moment: int) -> None:
        for each, (method, ys, steps) in zip(axes, films, strict=False):
            lines = {name: line[min(moment, len(line) - 1)] for name, line in steps.items()}
            draw_fit(each, method, xs, ys, lines)

    last = max(len(steps[""]) for _, _, steps in films) - 1
    columns = min(len(films), 3)
    picture.show(args, draw, picture.moments(max(last, 1)), (-(-len(films) // columns), columns))


if __name__ == "__main__":
    main()
