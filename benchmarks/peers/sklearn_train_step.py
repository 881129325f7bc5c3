"""scikit-learn's MLPClassifier and MLPRegressor: ``partial_fit`` is one epoch.

float32, alpha 0, no shuffling. Its Adam adds eps outside the bias correction (``eps_corrected`` is False), so its
result is compared with the reference in that form. Its squared error is half the mean over samples and outputs, and its
gradient the mean over samples only: the learning rate is scaled so that steps are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

if TYPE_CHECKING:
    from benchmarks.training import Job


class Trainer:
    """One of scikit-learn's perceptrons at the job's parameters."""

    name = "sklearn"
    settings = "sklearn: partial_fit over the epoch, float32, alpha 0, no shuffling"
    eps_corrected = False

    def __init__(self, job: Job) -> None:
        work, classify = job.work, job.work.loss == "cross_entropy"
        self.x, self.y = job.x, job.y if classify or job.y.shape[1] > 1 else job.y[:, 0]
        self.loss_scale = 1.0 if classify else 2.0
        self.model = (MLPClassifier if classify else MLPRegressor)(
            hidden_layer_sizes=work.sizes[1:-1],
            activation="relu" if work.activation == "relu" else "logistic",
            solver=work.optimizer,
            alpha=0,
            batch_size=work.batch,
            learning_rate_init=work.lr if classify else work.lr * 2 / work.sizes[-1],
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,
        )
        classes = {"classes": np.arange(work.sizes[-1])} if classify else {}
        self.model.partial_fit(self.x[: work.batch], self.y[: work.batch], **classes)  # makes the arrays
        self.model.partial_fit(self.x[: work.batch], self.y[: work.batch])
        self.start(job)

    def start(self, job: Job) -> None:
        """The job's parameters, and an optimizer that has taken no step."""
        for target, value in zip(self._arrays(), job.parameters, strict=True):
            target[...] = value.T
        optimizer = self.model._optimizer
        if job.work.optimizer == "adam":
            optimizer.t = 0
            for moment in (*optimizer.ms, *optimizer.vs):
                moment[...] = 0
        else:
            for velocity in optimizer.velocities:
                velocity[...] = 0

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        self.model.partial_fit(self.x, self.y)
        return self.loss_scale * float(self.model.loss_)

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        return [array.T for array in self._arrays()]

    def _arrays(self) -> list[np.ndarray]:
        model = self.model
        pairs = zip(model.coefs_, model.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]
