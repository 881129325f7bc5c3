"""Remarks on a user's data that are worth saying once in a process, not once per image."""

from __future__ import annotations

import logging
from collections.abc import Hashable

_said: dict[Hashable, object] = {}


def say_once(key: Hashable, message: str) -> None:
    """Logs ``message`` as a warning of the logger "fastnn", the first time for this key."""
    own = object()
    if _said.setdefault(key, own) is own:  # also where several threads say it
        logging.getLogger("fastnn").warning(message)
