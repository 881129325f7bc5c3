"""What scikit-learn does with estimators: pipelines, searches, calibration, importances, files."""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
from fastnn.sklearn import NetworkClassifier, NetworkRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(8)
X = RNG.standard_normal((150, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, 0]
Y = np.array(["no", "yes"])[((X[:, 0] + (X[:, 1] - 5) / 10) > 0).astype(int)]
NET = NetworkClassifier((16,), max_iter=60, learning_rate_init=0.02, random_state=0)


def test_pipeline_with_tables() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcd"))
    pipe = make_pipeline(StandardScaler(), NET).set_output(transform="pandas").fit(table, Y)
    assert pipe[-1].feature_names_in_.tolist() == list("abcd")
    assert pipe.score(table, Y) > 0.9 and pipe.predict_proba(table).shape == (150, 2)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_grid_search(backend: str) -> None:
    grid = {"networkclassifier__alpha": [1e-4, 1.0], "networkclassifier__hidden_layer_sizes": [(8,), (8, 4)]}
    found = []
    for jobs in (1, 2):
        with joblib.parallel_config(backend=backend):
            search = GridSearchCV(make_pipeline(StandardScaler(), NET), grid, cv=3, n_jobs=jobs, error_score="raise")
            found.append(search.fit(X, Y).cv_results_["mean_test_score"].tolist())
    assert found[0] == found[1] and max(found[0]) > 0.9


def test_cross_validation() -> None:
    scores = cross_val_score(make_pipeline(StandardScaler(), NET), X, Y, cv=3, scoring="roc_auc")
    assert scores.min() > 0.9


def test_calibration() -> None:
    found = CalibratedClassifierCV(NET, cv=3).fit(X, Y, sample_weight=np.ones(150))
    assert np.allclose(found.predict_proba(X).sum(axis=1), 1) and found.score(X, Y) > 0.8


def test_permutation_importance() -> None:
    pipe = make_pipeline(StandardScaler(), NET).fit(X, Y)
    importance = permutation_importance(pipe, X, Y, n_repeats=3, random_state=0).importances_mean
    assert set(np.argsort(importance)[-2:]) == {0, 1}


def test_scaled_targets() -> None:
    y = 1e4 * X[:, 0] - 3e3
    net = NetworkRegressor((32,), max_iter=300, learning_rate_init=0.02, random_state=0)
    found = TransformedTargetRegressor(make_pipeline(StandardScaler(), net), transformer=StandardScaler()).fit(X, y)
    assert found.score(X, y) > 0.98


def test_files(tmp_path: Path) -> None:
    found = NET.fit(X, Y)
    expected = found.predict_proba(X)
    joblib.dump(found, tmp_path / "model.joblib")
    for again in (
        pickle.loads(pickle.dumps(found)),
        joblib.load(tmp_path / "model.joblib"),
        joblib.load(tmp_path / "model.joblib", mmap_mode="r"),
    ):
        assert np.array_equal(again.predict_proba(X), expected)
    again.partial_fit(X, Y)  # of arrays that cannot be written to


def test_pickles_hold_plain_arrays() -> None:
    found = NetworkClassifier((4,), dropout=0.1, random_state=0).partial_fit(X, Y, ["no", "yes"])
    modules = set()
    strings: list[str] = []
    for opcode, argument, _ in pickletools.genops(io.BytesIO(pickle.dumps(found, protocol=4))):
        if isinstance(argument, str):
            strings.append(argument)
        elif opcode.name == "STACK_GLOBAL":
            modules |= {name for name in strings if name.startswith(("fastnn", "numpy", "sklearn", "_"))}
    ours = {name for name in modules if name.startswith("fastnn")}
    assert ours == {"fastnn.sklearn.classifier"}
