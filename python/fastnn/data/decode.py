"""Decoding the images of a folder, all of one size, into one uint8 block, in several threads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from fastnn import _core
from fastnn.data.block import Block, memory_block
from fastnn.data.images import MAX_PIXELS, orientation_of, read_rgb
from fastnn.data.pixels import PixelPlan
from fastnn.data.resident import NotResident
from fastnn.data.threads import in_order
from fastnn.errors import Fault, FormatError, fault_of, retold, told
from fastnn.io.checks import listed, shown_path
from fastnn.text import way

Progress = Callable[[int, int], None]
Room = Callable[[int, tuple[int, int, int]], Block]
ON_BAD = ("error", "skip", "list")
_CHUNKS = 4  # a thread, at least: of few large photographs none waits long for the others' last
_LEAST_CHUNK = 32  # images; of small ones, which take 0.1 ms each, fewer are not worth the change
_MOST_BAD = 20  # before reading stops


@dataclass(frozen=True)
class Problem:
    """An image left out: ``message`` and ``fault`` say why; ``size`` (width, height) if that is all that is wrong."""

    index: int
    message: str
    size: tuple[int, int] | None = None
    fault: Fault | None = None


@dataclass
class Decoded:
    """images uint8 (M, C, H, W), the samples they came from int64 (M,), which of them are photographs of a camera that
    was not held upright bool (M,), and those that were left out.
    """

    images: np.ndarray
    kept: np.ndarray
    turned: np.ndarray
    problems: list[Problem]


def decode_folder(
    paths: Sequence[str],
    plan: PixelPlan,
    *,
    threads: int | None = None,
    on_bad: str = "error",
    progress: Progress | None = None,
    room: Room = memory_block,
    exif: bool = False,
) -> Decoded:
    """Reads all images once.

    Args:
        paths: the files, at least one.
        plan: what to make of each.
        threads: None for as many as fastnn computes with.
        on_bad: "error": stop after 20 files that cannot be read or differ in size, and name them; "skip":
            leave them out (of several sizes the most frequent stays, if at least half have it); "list": read
            everything, then name them all.
        progress: called with (done, total) after each 32 to 256 images.
        room: gives so many images of a shape (C, H, W) their place.
        exif: turn photographs upright, as their EXIF data say.

    Raises:
        FormatError: images that cannot be read, each with its path.
        NotResident: images of different sizes, or what ``room`` raises.
        ValueError: on_bad is something else; nothing is left after skipping.
    """
    if on_bad not in ON_BAD:
        raise ValueError(f"on_bad is {on_bad!r}; it must be one of {', '.join(ON_BAD)}")
    threads = threads or _core.get_num_threads()
    stop_at = _MOST_BAD if on_bad == "error" else len(paths) + 1
    shape, tried = _first_shape(paths, plan, stop_at, exif), set()
    turned = np.zeros(len(paths), bool)
    while shape not in tried:
        tried.add(shape)
        block = room(len(paths), shape)
        chunk = min(block.chunk, max(-(-len(paths) // (_CHUNKS * threads)), _LEAST_CHUNK))
        job = _Job(paths, plan, block, turned, exif, chunk)
        problems, done = _decode_all(job, threads, stop_at, progress)
        width, height = _most_frequent(problems, done, (shape[2], shape[1]))
        shape = (shape[0], height, width)
    sized = [problem for problem in problems if problem.size]
    if on_bad == "skip" and 2 * len(sized) > len(paths):
        raise _different_sizes(paths, sized, (block.shape[2], block.shape[1]), done)
    if problems and on_bad != "skip":
        raise _refusal(paths, problems, (block.shape[2], block.shape[1]), done, on_bad)
    if not problems:
        return Decoded(block.images(), np.arange(len(paths)), turned, [])
    kept = np.delete(np.arange(len(paths)), [problem.index for problem in problems])
    return Decoded(block.images(kept), kept, turned[kept], problems)


def decode_chunk(
    paths: Sequence[str],
    plan: PixelPlan,
    out: np.ndarray,
    first: int = 0,
    turned: np.ndarray | None = None,
    exif: bool = False,
) -> list[Problem]:
    """Decodes files into ``out``, uint8 (len(paths), C, H, W); the rows of problems stay as they are.

    Args:
        first: added to the problems' indices.
        turned: bool (len(paths),), gets where a photograph's camera was not held upright.
        exif: turn those upright.
    """
    problems = []
    done = _read_compiled_all(paths, plan, out, exif)
    for row in np.flatnonzero(~done).tolist():
        path = paths[row]
        try:
            pixels, is_turned = _pixels(path, plan, exif)
        except (FormatError, OSError) as error:
            problems.append(_problem(first + row, path, error))
            continue
        if turned is not None:
            turned[row] = is_turned
        if pixels.shape == out.shape[1:]:
            out[row] = pixels
        else:
            size, usual = (pixels.shape[2], pixels.shape[1]), (out.shape[3], out.shape[2])
            message = f"{shown_path(path)} is {size[0]}x{size[1]}, not {usual[0]}x{usual[1]} as the others"
            problems.append(Problem(first + row, message, size))
    return problems


def _read_compiled_all(paths: Sequence[str], plan: PixelPlan, out: np.ndarray, exif: bool) -> np.ndarray:
    """bool (N,): which files the compiled reader, which knows no EXIF data, has read into ``out``."""
    if plan.channels_alone != out.shape[1] or exif:
        return np.zeros(len(paths), bool)
    if out.flags.c_contiguous:
        return _core.read_images(paths, out)
    planes = np.empty(out.shape, np.uint8)
    done = _core.read_images(paths, planes)
    out[done] = planes[done]
    return done


def _pixels(path: str, plan: PixelPlan, exif: bool) -> tuple[np.ndarray, bool]:
    """uint8 (C, H, W), and whether the camera was not held upright."""
    image = read_rgb(path, keep_grey=plan.keeps_grey, jpeg_target=plan.jpeg_target, exif=exif)
    try:
        return plan.pixels(image), orientation_of(image) != 1
    except FormatError as error:
        raise FormatError(f"{shown_path(path)}: {error}") from error


def _first_shape(paths: Sequence[str], plan: PixelPlan, stop_at: int, exif: bool) -> tuple[int, int, int]:
    """(C, H, W) of the first image that can be read."""
    problems: list[Problem] = []
    for index, path in enumerate(paths):
        if not exif and (pixels := read_compiled(path, plan)) is not None:
            return pixels.shape[1:]
        try:
            return _pixels(path, plan, exif)[0].shape
        except (FormatError, OSError) as error:
            problems.append(_problem(index, path, error))
        if len(problems) >= stop_at:
            break
    raise _unusable(problems, len(problems))


def read_compiled(path: str, plan: PixelPlan, size: tuple[int, int] | None = None) -> np.ndarray | None:
    """uint8 (1, C, H, W) of a file, by the compiled reader; None for a file or a plan that is not for it.

    size: (H, W) to try before the one that the file claims.
    """
    found = size or _core.png_size(path)
    if plan.channels_alone is None or found is None or not 0 < found[0] * found[1] <= MAX_PIXELS:
        return None
    pixels = np.empty((1, plan.channels_alone, *found), np.uint8)
    if _core.read_images([path], pixels)[0]:
        return pixels
    return None if size is None else read_compiled(path, plan)


@dataclass(frozen=True)
class _Job:
    """What is read, how, and where it goes."""

    paths: Sequence[str]
    plan: PixelPlan
    block: Block
    turned: np.ndarray
    exif: bool
    chunk: int

    def decode(self, start: int) -> list[Problem]:
        """A chunk of the block."""
        paths = self.paths[start : start + self.chunk]
        out = self.block.rows(start, len(paths))
        problems = decode_chunk(paths, self.plan, out, start, self.turned[start : start + len(paths)], self.exif)
        self.block.put(start, out)
        return problems


def _decode_all(job: _Job, threads: int, stop_at: int, progress: Progress | None) -> tuple[list[Problem], int]:
    """(problems, images looked at) of all chunks, in order. Ends early after ``stop_at`` problems."""
    total = len(job.paths)
    with closing(in_order(job.decode, range(0, total, job.chunk), threads)) as results:
        return _collect(results, total, job.chunk, stop_at, progress)


def _collect(
    results: Iterable[list[Problem]], total: int, chunk: int, stop_at: int, progress: Progress | None
) -> tuple[list[Problem], int]:
    """(problems, images looked at) of chunk after chunk."""
    problems: list[Problem] = []
    done = 0
    for found in results:
        problems += found
        done = min(done + chunk, total)
        if progress is not None:
            progress(done, total)
        if len(problems) >= stop_at:
            break
    return problems, done


def _most_frequent(problems: list[Problem], done: int, good: tuple[int, int]) -> tuple[int, int]:
    """The size (width, height) of most images; that of the block, ``good``, if no other is more frequent."""
    sizes = Counter({good: done - len(problems)})
    sizes.update(problem.size for problem in problems if problem.size)
    return sizes.most_common(1)[0][0]  # of equal ones the first counted


def _refusal(
    paths: Sequence[str], problems: list[Problem], good: tuple[int, int], done: int, on_bad: str
) -> ValueError:
    """The error that names the problems: all, or the unreadable ones, or else the different sizes."""
    if on_bad == "list":
        return _unusable(problems, done, whole=True)
    unreadable = [problem for problem in problems if problem.size is None]
    if unreadable:
        return _unusable(unreadable, done)
    return _different_sizes(paths, problems, good, done)


def _different_sizes(paths: Sequence[str], problems: list[Problem], good: tuple[int, int], done: int) -> NotResident:
    """The error that tells the sizes that occur, how often, where the odd ones are, and what to do."""
    other = {problem.index: problem.size for problem in problems}
    rows = defaultdict(list)
    for row in range(done):
        rows[other.get(row, good)].append(row)
    sizes = sorted(rows, key=lambda size: -len(rows[size]))
    parts = [f"{sizes[0][0]}x{sizes[0][1]} ({len(rows[sizes[0]]):,})"]
    for size in sizes[1:5]:
        examples = [shown_path(paths[row]) for row in rows[size][:3]] + ["..."] * (len(rows[size]) > 3)
        parts.append(f"{size[0]}x{size[1]} ({len(rows[size]):,}: {', '.join(examples)})")
    found = ", ".join(parts) + (f", {len(sizes) - 5} other sizes" if len(sizes) > 5 else "")
    among = "" if done == len(paths) else f" (among the first {done:,})"
    width, height = sizes[0]
    photographs = way("--size 64 (photographs) or ", "") if 2 * len(rows[sizes[0]]) < done else ""
    advice = way(f"{photographs}--resize {width}x{height}", f"transforms.Resize(({height}, {width}))")
    text = f"images have different sizes{among}: {found}. Use {advice}"
    return told(NotResident(text), "images.sizes", sizes=found, width=width, height=height, advice=advice)


def _unusable(problems: list[Problem], looked_at: int, whole: bool = False) -> FormatError:
    """One error for all bad images, whole: each of them; where there is one, what that is."""
    advice = way("--on-bad-image skip", "ImageFolder(..., is_valid_file=...)")
    if len(problems) == 1:
        text = f"{problems[0].message}. Delete it or leave it out with {advice} (1 bad image among {looked_at:,})"
        return retold(FormatError(text), problems[0].fault)
    lines = [problem.message for problem in problems]
    head = f"{len(problems):,} of {looked_at:,} images cannot be used: delete them or leave them out with {advice}"
    text = listed(head, lines, len(lines)) if whole else listed(head, lines, all_by=way("--on-bad-image list", ""))
    return told(FormatError(text), "images.unusable", count=len(problems), total=looked_at, advice=advice)


def _problem(index: int, path: str, error: Exception) -> Problem:
    """What came of reading a file."""
    if isinstance(error, FormatError):
        return Problem(index, str(error), fault=fault_of(error))
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Problem(index, f"{shown_path(path)} cannot be opened: {reason}")
