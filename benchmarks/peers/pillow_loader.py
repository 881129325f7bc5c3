"""A folder read with Pillow and NumPy, item by item, in one thread: no library in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.peers.folder_of_images import list_images, read_image

SETTINGS = "pillow + numpy: item by item, one thread"
Batches = Iterator[tuple[np.ndarray, np.ndarray]]


def sources(root: str, batch: int) -> dict[str, Callable[[], Batches]]:
    """What gives the batches of a pass, by name."""

    def batches() -> Batches:
        paths, labels = list_images(root)
        for start in range(0, len(paths), batch):
            x = np.stack([read_image(path) for path in paths[start : start + batch]])
            yield x, np.array(labels[start : start + batch])

    return {"pillow + numpy": batches}
