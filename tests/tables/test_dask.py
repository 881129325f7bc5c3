"""A search on a Dask cluster of two processes: the scores of one process, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
distributed = pytest.importorskip("distributed")

import joblib  # noqa: E402
from fastnn.sklearn import NetworkClassifier  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402

RNG = np.random.default_rng(1)
X = RNG.standard_normal((90, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.4)
GRID = {"alpha": [1e-4, 0.3], "dropout": [0.0, 0.2], "hidden_layer_sizes": [(8,), (8, 4)]}


def threads_in_a_fit() -> tuple[int, set[int]]:
    """Where, and with how many threads, the core is called from a fit, and from without."""
    import os

    import fastnn
    from fastnn.sklearn import learner

    seen = [fastnn.get_num_threads()]
    epochs = learner.Learner.epochs

    def noted(self: learner.Learner, *rest: Any) -> list[float]:
        seen.append(fastnn.get_num_threads())
        return epochs(self, *rest)

    learner.Learner.epochs = noted  # type: ignore[method-assign]
    try:
        NetworkClassifier((8,), max_iter=2, random_state=0).fit(X, Y)
    finally:
        learner.Learner.epochs = epochs  # type: ignore[method-assign]
    return os.getpid(), set(seen)


def searched(jobs: int) -> dict[str, Any]:
    net = NetworkClassifier(max_iter=15, random_state=0)
    return GridSearchCV(net, GRID, cv=3, scoring="neg_log_loss", n_jobs=jobs, error_score="raise").fit(X, Y).cv_results_


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own: of ports, of Python's versions, of what it leaves open
def test_the_same_scores_as_in_one_process() -> None:
    alone = searched(1)
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        told = client.run(threads_in_a_fit)
        with joblib.parallel_config(backend="dask"):
            spread = searched(-1)
    assert len({process for process, _ in told.values()}) == 2
    assert all(threads == {1} for _, threads in told.values())
    for name in (f"split{fold}_test_score" for fold in range(3)):
        assert spread[name].tolist() == alone[name].tolist()
    assert len(set(alone["mean_test_score"].tolist())) == 8
