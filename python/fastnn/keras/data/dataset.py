"""``tf.data.Dataset``: elements in a row, and what is made of them, step after step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count, islice
from typing import Any

import numpy as np

from fastnn import random
from fastnn.arrays import is_integer
from fastnn.eager.autograd import no_grad
from fastnn.io.memory import fits_memory
from fastnn.keras.data.structure import (
    TensorSpec,
    arrays_of,
    count_of,
    leaves,
    mapped,
    stacked,
    tensors_of,
)

AUTOTUNE = -1
INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = -1, -2
_DRAWS = 1024  # numbers that a shuffle draws at first; then twice as many each time

Items = Callable[[], Iterator[Any]]


def _same(item: Any) -> Any:
    return item


class Dataset:
    """Elements (arrays, or tuples and dicts of them) that are made when they are asked for; each pass begins anew.

    Made by :meth:`from_tensor_slices` and its like, or :func:`image_dataset_from_directory`; ``fit``, ``evaluate`` and
    ``predict`` take one of batches. As long as its elements are rows of arrays, what moves through shuffle, batch,
    cache and their like are numbers of rows; these are gathered at the end.

    Iteration gives tensors with memory of their own; functions of ``map``, ``filter`` and ``reduce`` are given such,
    and called in the calling thread, whatever num_parallel_calls says. prefetch changes nothing.
    """

    class_names: list[str] | None  # these two of image_dataset_from_directory's alone
    file_paths: list[str]

    def __init__(
        self,
        items: Items,
        size: int,
        rows: Callable[[Any], Any] | None = None,
        *,
        is_batched: bool = False,
    ) -> None:
        """items: begins a pass; size: how many there are (or -1: without end, -2: not known). rows: gives the element
        of an item, which is the number of a row or an array of them; None: items are elements. is_batched: whether the
        last element may have fewer rows.
        """
        self._items = items
        self._size = size
        self._rows = rows
        self.is_batched = is_batched

    def _repr_html_(self) -> str | None:
        """For a notebook's cell: a row of pictures, of image_dataset_from_directory's."""
        from fastnn.data.gallery import gallery_of_files

        fields = self.__dict__
        paths = fields.get("file_paths")
        return None if paths is None else gallery_of_files(type(self).__name__, paths, fields.get("class_names") or ())

    # -- from what users have ----------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """The rows of arrays (N, ...), or of tuples and dicts of such.

        Raises:
            ValueError: their counts differ.
        """
        columns = arrays_of(tensors)
        return Dataset.of_rows(lambda item: mapped(lambda column: column[item], columns), count_of(columns))

    @staticmethod
    def of_rows(rows: Callable[[Any], Any], size: int) -> Dataset:
        """So many elements; rows gives that of a number, and those of an array of numbers as one."""
        return Dataset(lambda: iter(range(size)), size, rows)

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        return Dataset(lambda: iter((arrays_of(tensors),)), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """What ``generator(*args)`` yields; it is called for each pass. output_types, or the dtypes of
        output_signature: what numbers become.

        Raises:
            TypeError: generator is not callable.
        """
        if not callable(generator):
            raise TypeError("Dataset.from_generator: generator must be a function that gives an iterator for each pass")
        wanted = output_types if output_signature is None else mapped(lambda spec: spec.dtype, output_signature)

        def items() -> Iterator[Any]:
            for element in generator(*(args or ())):
                arrays = arrays_of(tuple(element) if isinstance(wanted, tuple) else element)
                yield arrays if wanted is None else _typed(arrays, wanted)

        return Dataset(items, UNKNOWN_CARDINALITY)

    @staticmethod
    def range(*bounds: int, **named: Any) -> Dataset:
        """int64 numbers, as Python's ``range`` has them."""
        numbers = range(*map(int, bounds))
        return Dataset(lambda: map(np.int64, numbers), len(numbers))

    @staticmethod
    def zip(*datasets: Any, **named: Any) -> Dataset:
        """Tuples of one element of each, until one ends: ``zip((a, b))`` or ``zip(a, b)``; tuples within tuples."""
        parts = datasets[0] if len(datasets) == 1 and isinstance(datasets[0], tuple | list) else datasets
        parts = tuple(Dataset.zip(part) if isinstance(part, tuple | list) else part for part in parts)
        for part in parts:
            _check_dataset("zip", part)
        ends = [part._size for part in parts if part._size != INFINITE_CARDINALITY]
        size = min(ends, default=INFINITE_CARDINALITY)  # -2 where one is not known

        def items() -> Iterator[Any]:
            return zip(*(part._elements() for part in parts), strict=False)

        return Dataset(items, size, is_batched=any(part.is_batched for part in parts))

    # -- what is made of it ------------------------------------------------------------------------------------------

    def map(
        self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: Any = None, name: Any = None
    ) -> Dataset:
        """What a function gives for each element; of a tuple, for its parts: ``map(lambda x, y: (x / 255, y))``."""

        def items() -> Iterator[Any]:
            return (arrays_of(_called(map_func, element)) for element in self._elements())

        return self._with(items, rows=None)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """Those elements for which a function is true."""

        def items() -> Iterator[Any]:
            return (item for item in self._items() if bool(_called(predicate, self._element(item))))

        return self._with(items, UNKNOWN_CARDINALITY)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: Any = None,
    ) -> Dataset:
        """So many elements as one, with a first axis more; the last has fewer, or is left out.

        Raises:
            ValueError: batch_size below 1; in a pass, elements of different shapes.
        """
        size = _checked("batch", "batch_size", batch_size, 1)

        def items() -> Iterator[Any]:
            running = self._items()
            while len(part := list(islice(running, size))) == size or (part and not drop_remainder):
                yield stacked(part)

        rest = 0 if drop_remainder else size - 1
        made = self._with(items, self._size if self._size < 0 else (self._size + rest) // size)
        made.is_batched = not drop_remainder
        return made

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element."""

        def items() -> Iterator[Any]:
            for element in self._elements():
                for number in range(count_of(element)):
                    yield mapped(lambda array, row=number: array[row], element)

        size = self._size if self._size == INFINITE_CARDINALITY else UNKNOWN_CARDINALITY
        made = self._with(items, size, rows=None)
        made.is_batched = False
        return made

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """In a random order: each next element is one of so many that wait. The numbers come from the seed and the
        count of passes, or from :func:`fastnn.random.manual_seed`'s stream of orders, not TensorFlow's.

        Raises:
            ValueError: buffer_size below 1.
        """
        size = _checked("shuffle", "buffer_size", buffer_size, 1)
        passes, kept = count(), list[int]()

        def position() -> int:
            return random.state.advance("orders") if seed is None else next(passes)

        def items() -> Iterator[Any]:
            if reshuffle_each_iteration is not False or not kept:
                kept[:] = [position()]
            return _shuffled(self._items(), size, _draws(seed, kept[0]))

        return self._with(items)

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """The elements of its first whole pass, again in each later one. Rows of arrays are kept as their numbers;
        other elements in memory, as long as there is room for them.

        Raises:
            ValueError: a filename; it is kept in memory.
        """
        if filename:
            raise ValueError("Dataset.cache: elements are kept in memory; call cache() without a file name")
        kept: list[list[Any]] = []

        def items() -> Iterator[Any]:
            return iter(kept[0]) if kept else _keeping(self._items(), kept, self._size)

        return self._with(items)

    def prefetch(self, buffer_size: int = AUTOTUNE, name: str | None = None) -> Dataset:
        """The same elements."""
        return self._with(self._items)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """So many passes one after the other; None or -1: for ever."""
        if count is None or count == INFINITE_CARDINALITY:
            size = self._size and INFINITE_CARDINALITY
            return self._with(lambda: _for_ever(self._items), size)
        times = _checked("repeat", "count", count, 0)
        size = self._size * times if self._size >= 0 else self._size if times else 0
        return self._with(lambda: chain.from_iterable(self._items() for _ in range(times)), size)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first so many; -1: all of them."""
        most = _checked("take", "count", count, -1)
        if most == -1:
            return self._with(self._items)
        size = most if self._size == INFINITE_CARDINALITY else min(self._size, most)
        return self._with(lambda: islice(self._items(), most), size)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first so many; -1: nothing is left."""
        first = _checked("skip", "count", count, -1)
        size = self._size if self._size < 0 else 0 if first == -1 else max(self._size - first, 0)
        return self._with(lambda: islice(self._items(), first, None) if first >= 0 else iter(()), size)

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every num_shards-th element from index on.

        Raises:
            ValueError: an index that is not among the shards.
        """
        shards, first = _checked("shard", "num_shards", num_shards, 1), _checked("shard", "index", index, 0)
        if first >= shards:
            raise ValueError(f"Dataset.shard: index is {first}, of {shards} shards")
        size = self._size if self._size < 0 else len(range(first, self._size, shards))
        return self._with(lambda: islice(self._items(), first, None, shards), size)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of an element's number, int64, and itself."""

        def items() -> Iterator[Any]:
            return ((np.int64(number), element) for number, element in enumerate(self._elements(), start))

        return self._with(items, rows=None)

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """Its elements, then those of another."""
        _check_dataset("concatenate", dataset)
        sizes = (self._size, dataset._size)
        ends = INFINITE_CARDINALITY if INFINITE_CARDINALITY in sizes else UNKNOWN_CARDINALITY
        size = sum(sizes) if min(sizes) >= 0 else ends
        made = self._with(lambda: chain(self._elements(), dataset._elements()), size, rows=None)
        made.is_batched |= dataset.is_batched
        return made

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """What a function of data sets makes of it."""
        return transformation_func(self)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None) -> Any:
        """The last of ``state = reduce_func(state, element)``."""
        state = arrays_of(initial_state)
        for element in self._elements():
            with no_grad():
                state = arrays_of(reduce_func(tensors_of(state), tensors_of(element)))
        return tensors_of(state)

    # -- what it has -------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return (tensors_of(element) for element in self._elements())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """One pass of arrays; not to be changed, as they may be the memory of those that it was made of."""
        return self._elements()

    def __len__(self) -> int:
        if self._size < 0:
            why = "goes on for ever" if self._size == INFINITE_CARDINALITY else "has a length that only a pass tells"
            raise TypeError(f"this Dataset {why}: cardinality() says so without an error")
        return self._size

    def __getattr__(self, name: str) -> Any:
        if name in ("class_names", "file_paths"):
            raise AttributeError(
                f"{name} is what image_dataset_from_directory gives its data set alone, as in Keras: take it from "
                "there, before map(), cache() and their like"
            )
        raise AttributeError(f"a Dataset has no {name!r} here", name=name, obj=self)

    def __bool__(self) -> bool:
        return True

    def cardinality(self, name: str | None = None) -> np.int64:
        """How many elements a pass has; -1: it goes on for ever, -2: that is not known."""
        return np.int64(self._size)

    @property
    def element_spec(self) -> Any:
        """Shape and type of each array of an element, told from the first.

        Raises:
            ValueError: there is none.
        """
        before = random.state.as_dict()
        first = next(self._elements(), None)
        random.state.restore(before)
        if first is None:
            raise ValueError("this Dataset is empty: it has no element to tell shapes and types of")

        def spec(array: Any) -> TensorSpec:
            shape = np.shape(array)
            return TensorSpec((None, *shape[1:]) if self.is_batched and shape else shape, np.asarray(array).dtype)

        return mapped(spec, first)

    def get_single_element(self, name: str | None = None) -> Any:
        """The one that there is.

        Raises:
            ValueError: none, or more.
        """
        found = list(islice(self, 2))
        if len(found) != 1:
            raise ValueError(f"Dataset.get_single_element: there {'are several' if found else 'is none'}")
        return found[0]

    def __repr__(self) -> str:
        return f"<Dataset of {self._size} elements>" if self._size >= 0 else "<Dataset>"

    # -- within ------------------------------------------------------------------------------------------------------

    def _element(self, item: Any) -> Any:
        return item if self._rows is None else self._rows(item)

    def _elements(self) -> Iterator[Any]:
        """A pass, as arrays."""
        return self._items() if self._rows is None else map(self._rows, self._items())

    def _with(self, items: Items, size: int | None = None, rows: Any = _same) -> Dataset:
        """With other items, of the same rows."""
        kept = self._rows if rows is _same else rows
        return Dataset(items, self._size if size is None else size, kept, is_batched=self.is_batched)


def _called(function: Callable[..., Any], element: Any) -> Any:
    given = tensors_of(element)
    with no_grad():
        return function(*given) if isinstance(given, tuple) else function(given)


def _typed(arrays: Any, wanted: Any) -> Any:
    if isinstance(arrays, tuple):
        return tuple(_typed(array, kind) for array, kind in zip(arrays, wanted, strict=True))
    if isinstance(arrays, dict):
        return {name: _typed(array, wanted[name]) for name, array in arrays.items()}
    return arrays.astype(np.dtype(getattr(wanted, "numpy", wanted)))


def _draws(seed: int | None, position: int) -> Iterator[float]:
    """Numbers in [0, 1), as many as are asked for."""
    done, size = 0, _DRAWS
    key = random.initial_seed() if seed is None else seed
    while True:
        numbers = random.uniform((size,), 0, 1, purpose=random.ORDER, position=position, dtype=np.float64, seed=key)
        yield from numbers[done:].tolist()
        done, size = size, 2 * size


def _shuffled(items: Iterator[Any], size: int, draws: Iterator[float]) -> Iterator[Any]:
    waiting = list(islice(items, size))
    for item in items:
        place = int(next(draws) * size)
        chosen, waiting[place] = waiting[place], item
        yield chosen
    while waiting:
        place = int(next(draws) * len(waiting))
        waiting[place], waiting[-1] = waiting[-1], waiting[place]
        yield waiting.pop()


def _keeping(items: Iterator[Any], kept: list[list[Any]], size: int) -> Iterator[Any]:
    """The same; once all have passed, so many where that is known, they are kept, unless they are too large."""
    passed: list[Any] = []
    taken, fits = 0, True
    for item in items:
        if fits:
            passed.append(item)
            taken += sum(np.asarray(leaf).nbytes for leaf in leaves(item))
            fits = fits_memory(taken)
        if not fits:
            passed.clear()
        elif len(passed) == size:  # whoever takes the last may not ask for one more
            kept[:] = [passed]
        yield item
    if fits:
        kept[:] = [passed]


def _for_ever(items: Items) -> Iterator[Any]:
    while True:
        empty = True
        for item in items():
            empty = False
            yield item
        if empty:
            return


def _checked(method: str, name: str, value: Any, least: int) -> int:
    value = getattr(value, "item", lambda: value)()
    if not is_integer(value) or value < least:
        raise ValueError(f"Dataset.{method}: {name} is {value!r}; it must be an integer of at least {least}")
    return int(value)


def _check_dataset(method: str, given: Any) -> None:
    if not isinstance(given, Dataset):
        raise TypeError(f"Dataset.{method} takes data sets, got {type(given).__name__}")
