"""A network that looks at what is drawn: probabilities, what it sees, and what its layers make of it."""

from __future__ import annotations

import os
from base64 import b64encode
from math import isfinite
from typing import Any

import numpy as np
from PIL import Image

from fastnn.data.photo import WORKING_SIDE
from fastnn.nn.labels import class_values, predicted_classes
from fastnn.reporting.filters import Layer, forward, reduced, spread
from fastnn.training.model_info import ModelInfo
from fastnn.training.network import Network
from fastnn.training.preparation import prepare, spec_of

_MOST_LAYERS = 6  # of a ResNet's, evenly
_MOST_UNITS = 512  # of a dense layer: sixteen rows on the page
_MOST_MAPS, _MOST_MAP_PIXELS = 32, 28  # of a convolution, and of a map's longer side


class Viewer:
    """Shows sheets to a network.

    sheet: (height, width, channels) of what is drawn on, in the proportions of the network's images; for digits as
    large as photos of them are looked at.

    Raises:
        ValueError: the network takes no images.
    """

    def __init__(self, path: str, network: Network, info: ModelInfo) -> None:
        self.network, self.info = network, info
        self.spec = spec_of(network, info)
        self.kind = info.outputs or "softmax"
        channels, height, width = self.spec.shape
        scale = WORKING_SIDE / max(height, width)
        self.sheet = (max(1, round(height * scale)), max(1, round(width * scale)), channels)
        self._name = os.path.basename(path)

    def facts(self, _: bytes = b"") -> dict[str, Any]:
        """What the page has to know before anything is drawn."""
        height, width, channels = self.sheet
        return {
            "name": self._name,
            "lang": os.environ.get("FASTNN_LANG", "")[:2].lower(),
            "width": width,
            "height": height,
            "channels": channels,
            "light": self.spec.ground != "dark",
            "classes": self.spec.classes,
            "numbers": not self.spec.classes or self.kind == "numbers",
        }

    def see(self, drawn: bytes) -> dict[str, Any]:
        """What the network makes of a sheet, uint8 (height, width, channels) as bytes.

        Raises:
            ValueError: as many bytes are no sheet.
        """
        pixels = np.frombuffer(drawn, np.uint8).reshape(self.sheet)
        seen = prepare(Image.fromarray(pixels[..., 0] if self.sheet[2] == 1 else pixels), self.spec)
        outputs, layers = forward(self.network, self.spec.inputs(seen[None]))
        hidden = [layer for layer in layers if not np.may_share_memory(layer.values, outputs)]
        values = class_values(outputs, self.kind)[0].tolist()
        return {
            "unlike": bool(self.spec.unlike(seen[None])[0]),
            "best": int(predicted_classes(outputs)[0]),
            "values": [value if isfinite(value) else None for value in values],
            "seen": {"shape": seen.shape, "pixels": b64encode(seen).decode()},
            "layers": [_shown(layer) for layer in spread(hidden, _MOST_LAYERS)],
        }


def _shown(layer: Layer) -> dict[str, Any]:
    """A layer's units as shares of the strongest of them, in 127ths: int8 (units, height, width)."""
    maps = layer.values if layer.values.ndim == 4 else layer.values.reshape(len(layer.values), -1, 1, 1)
    most = _MOST_UNITS if maps.shape[2:] == (1, 1) else _MOST_MAPS
    shown = np.nan_to_num(reduced(maps[:1, :most], _MOST_MAP_PIXELS)[0], posinf=0, neginf=0)
    strongest = float(np.abs(shown).max(initial=0))
    levels = np.rint(shown * (127 / strongest) if strongest else shown).astype(np.int8)
    levels = np.ascontiguousarray(levels)
    return {
        "name": layer.name,
        "units": maps.shape[1],
        "strongest": strongest,
        "shape": levels.shape,
        "levels": b64encode(levels).decode(),
    }
