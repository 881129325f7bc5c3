"""Mixed precision under PyTorch's names. fastnn computes in float32, so there is nothing to mix and nothing to scale:
they do what PyTorch's do with ``enabled=False``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__path__: list[str] = []  # so that an import of fastnn.amp.grad_scaler is looked for: see renamed


class autocast:
    """Code inside, or a function, computes in the dtypes of its tensors: ``with autocast("cpu"): ...``."""

    def __init__(
        self, device_type: Any = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        self.device = device_type

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, function: Callable) -> Callable:
        return function


class GradScaler:
    """Scales losses by 1: ``scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()``."""

    def __init__(self, device: Any = "cpu", *args: Any, **settings: Any) -> None:
        self.device = device

    def scale(self, outputs: Any) -> Any:
        """The loss as it is."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Leaves the gradients as they are."""

    def step(self, optimizer: Any, *args: Any, **named: Any) -> Any:
        """``optimizer.step()``."""
        return optimizer.step(*args, **named)

    def update(self, new_scale: Any = None) -> None:
        """Keeps the scale of 1."""

    def get_scale(self) -> float:
        return 1.0

    def is_enabled(self) -> bool:
        return False

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what another one saved; there is nothing to restore."""
