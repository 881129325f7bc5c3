"""The images that arguments name, read batch after batch: of thousands of photographs only some are in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fastnn import _core
from fastnn.chinese import noted
from fastnn.data.folder import is_image_file
from fastnn.data.images import open_image
from fastnn.data.scan import looked_in, note_unread
from fastnn.data.threads import in_order
from fastnn.errors import FormatError, fault_of, retold, told
from fastnn.io.checks import listed, shown_path
from fastnn.text import natural
from fastnn.training.engines import evaluation_batch
from fastnn.training.feed import Feed
from fastnn.training.preparation import InputSpec, prepare

# Images read together at the least: the threads wait for the last of them before the network has its turn.
_TOGETHER = 64


@dataclass
class Batch:
    """Images that were read, as uint8 (N, C, H, W), and what was wrong with others."""

    paths: list[str] = field(default_factory=list)
    pixels: np.ndarray | None = None
    errors: list[Exception] = field(default_factory=list)


def images_of(arguments: Sequence[str]) -> list[str]:
    """The files that arguments name; of a folder all images in it and beneath, 2.jpg before 10.jpg.

    Raises:
        FileNotFoundError: a folder without images.
        OSError: one that cannot be looked into.
    """
    found: list[str] = []
    for argument in arguments:
        found += _images_in(argument) if os.path.isdir(argument) else [argument]
    return found


def _images_in(folder: str) -> list[str]:
    paths: list[str] = []
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [os.path.join(place, name) for name in names if is_image_file(name) and not name.startswith(".")]
    if not paths:
        where = shown_path(folder)
        text = f"there are no images in {where}.{looked_in(folder)[:-1]}"
        raise told(FileNotFoundError(text), "images.none", folder=where)
    note_unread(folder)
    return sorted(paths, key=lambda path: (natural(path), path))


def _refuse(error: OSError) -> None:
    raise error


def read(paths: Sequence[str], spec: InputSpec, raw: bool = False) -> Iterator[Batch]:
    """The images as a network was trained on them (:func:`fastnn.training.preparation.prepare`), each batch read by as
    many threads as fastnn computes with.
    """
    at_once = evaluation_batch(Feed.of_inputs(np.empty((0, *spec.shape), np.uint8)))
    count = at_once * -(-_TOGETHER // at_once)
    for first in range(0, len(paths), count):
        some = paths[first : first + count]
        found = list(in_order(lambda path: _pixels(path, spec, raw), some, _core.get_num_threads()))
        good = [(path, each) for path, each in zip(some, found, strict=True) if isinstance(each, np.ndarray)]
        pixels = np.stack([each for _, each in good]) if good else None
        yield Batch([path for path, _ in good], pixels, [each for each in found if isinstance(each, Exception)])


def _pixels(path: str, spec: InputSpec, raw: bool) -> np.ndarray | Exception:
    """Of one image, or what is wrong with it."""
    try:
        image = open_image(path)
    except (FormatError, OSError) as error:
        return error
    try:
        return prepare(image, spec, raw)
    except (ValueError, OSError) as error:
        return FormatError(f"{shown_path(path)} cannot be made the network's: {error}")


def refusal(errors: Sequence[Exception], total: int, more: str = "") -> Exception:
    """One error for images that cannot be used, so many of ``total``. more: what else is to be said."""
    advice = "--on-bad-image skip"
    if len(errors) == total == 1 and not more:
        return errors[0]
    if len(errors) == 1:
        error = errors[0]
        return retold(FormatError(f"{words(error)} ({advice} leaves it out){more}"), fault_of(error))
    head = f"{len(errors):,} of {total:,} images cannot be used: leave them out with {advice}{more}"
    text = listed(head, list(map(words, errors)))
    return told(FormatError(text), "images.unusable", count=len(errors), total=total, advice=advice)


def left_out(errors: Sequence[Exception], total: int) -> str:
    """The same as a note on images that were left out."""
    count = f"{len(errors):,}"
    head = noted(f"left out {count} of {total:,} images:", f"{total:,} 张图片中跳过了 {count} 张:")
    return listed(head, list(map(words, errors)))


def words(error: Exception) -> str:
    """What an error says, the path first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{shown_path(error.filename)}: {error.strerror}"
    return str(error)
