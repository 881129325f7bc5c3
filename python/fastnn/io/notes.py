"""Remarks on a user's data that are worth saying once in a process, not once per image."""

from __future__ import annotations

import logging
from collections.abc import Hashable

_said: set[Hashable] = set()


def say_once(key: Hashable, message: str) -> None:
    """Logs ``message`` as a warning of the logger "fastnn", the first time for this key."""
    if key not in _said:
        _said.add(key)
        logging.getLogger("fastnn").warning(message)
