"""fastnn.sklearn beside scikit-learn's networks: accuracy or R2 of a five-fold cross-validation, and processor time.

    python -m benchmarks tables [--only NAME] [--rounds N] [--threads N]

Both get the same arrays, settings, folds and random_state: a hidden layer of 100, ReLU, Adam, batches of 200 at most,
200 epochs or until nothing gets better. Processor time is that of all threads of this process, in fits and tests, the
least of several rounds in turn. Rows of float32 and of float64 are computed as such by both.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

# As many as the processors there are: what a user gets. Libraries read them when they are loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTNN_NUM_THREADS")
FOLDS = 5
REGRESSION = {"n_samples": 1000, "n_features": 20, "n_informative": 10, "noise": 10.0, "random_state": 0}


def data_sets() -> dict[str, tuple[Any, Any]]:
    """x, of mean 0 and deviation 1 in each column, and y by name."""
    from sklearn import datasets
    from sklearn.preprocessing import scale

    loaders = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "breast cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
    }
    found = {name: load(return_X_y=True) for name, load in loaders.items()}
    x, y = datasets.make_regression(**REGRESSION)
    found["regression"] = x, scale(y)
    return {name: (scale(x), y) for name, (x, y) in found.items()}


def cross_validated(estimator: Any, x: Any, y: Any) -> tuple[float, float]:
    """The mean score over the folds, and seconds of processor time."""
    from sklearn.model_selection import cross_val_score

    started = time.process_time()
    scores = cross_val_score(estimator, x, y, cv=FOLDS, error_score="raise")
    return float(scores.mean()), time.process_time() - started


def line(name: str, x: Any, y: Any, rounds: int, epochs: int) -> str:
    """A row of the table."""
    from fastnn.sklearn import NetworkClassifier, NetworkRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kinds = (MLPRegressor, NetworkRegressor) if name == "regression" else (MLPClassifier, NetworkClassifier)
    settings = {"max_iter": epochs, "random_state": 0}
    samples = [[cross_validated(kind(**settings), x, y) for kind in kinds] for _ in range(rounds)]
    (theirs, their_seconds), (ours, our_seconds) = (
        min(column, key=lambda s: s[1]) for column in zip(*samples, strict=True)
    )
    cells = f"{theirs:9.4f} {ours:9.4f} {their_seconds * 1e3:9.0f} {our_seconds * 1e3:9.0f}"
    return f"{name:14} {x.dtype!s:8} {cells} {their_seconds / our_seconds:7.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks tables", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--only", default="", metavar="NAME", help="only data sets with NAME in their name")
    add("--rounds", type=int, default=3, metavar="N", help="how often (default: %(default)s)")
    add("--epochs", type=int, default=200, metavar="N", help="of a fit at most (default: %(default)s)")
    add("--threads", type=int, default=os.cpu_count(), metavar="N", help="for both (default: %(default)s)")
    args = parser.parse_args(argv)
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(args.threads)
    try:
        import sklearn
    except ImportError:
        print("scikit-learn is not installed: pip install scikit-learn", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")  # of fits that end before they converge: both do
    print(f"scikit-learn {sklearn.__version__}, {args.threads} threads, {FOLDS} folds; score: accuracy, or R2")
    print(f"{'':14} {'':8} {'score':>9} {'':>9} {'CPU ms':>9}")
    print(f"{'':14} {'':8} {'MLP':>9} {'fastnn':>9} {'MLP':>9} {'fastnn':>9} {'times':>7}")
    for name, (x, y) in data_sets().items():
        for dtype in ("float32", "float64") if args.only in name else ():
            print(line(name, x.astype(dtype), y, args.rounds, args.epochs), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
