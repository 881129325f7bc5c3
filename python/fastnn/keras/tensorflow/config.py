"""``tf.config``: which devices there are."""

from __future__ import annotations

__all__ = ["list_physical_devices"]


def list_physical_devices(device_type: str | None = None) -> list[str]:
    """The CPU alone, as there is nothing else: none of type ``GPU``."""
    return ["/physical_device:CPU:0"] if device_type in (None, "CPU") else []
