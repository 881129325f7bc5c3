"""DataLoader: PyTorch's contract, and resident data beside samples one by one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fastnn import random
from fastnn.datasets import MNIST, ImageFolder
from fastnn.eager.tensor import Tensor
from fastnn.transforms import Compose, Grayscale, Lambda, Normalize, Resize, ToTensor
from fastnn.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
)
from PIL import Image
from small_data import Generator, Squares, firsts

NORMALISED = Compose([Grayscale(), ToTensor(), Normalize((0.1307,), (0.3081,))])


def test_batches_in_order() -> None:
    loader = DataLoader(Squares(7), batch_size=3)
    assert len(loader) == 3
    batches = list(loader)
    assert all(type(batch) is list and len(batch) == 2 for batch in batches)
    assert [batch[1].tolist() for batch in batches] == [[0, 1, 4], [9, 16, 25], [36]]
    assert isinstance(batches[0][0], Tensor) and batches[0][0].numpy().dtype == np.int64
    dropped = DataLoader(Squares(7), batch_size=3, drop_last=True)
    assert len(dropped) == 2 and firsts(dropped) == [[0, 1, 2], [3, 4, 5]]
    assert firsts(DataLoader(Squares(3))) == [[0], [1], [2]]


def test_any_sequence_is_a_data_set() -> None:
    assert [x.tolist() for x in DataLoader([3, 1, 2], 2)] == [[3, 1], [2]]
    assert list(DataLoader(["a", "b"], 2)) == [["a", "b"]]


def test_shuffle_draws_one_order_for_each_iter() -> None:
    random.manual_seed(5)
    loader = DataLoader(Squares(50), batch_size=50, shuffle=True)
    first, second = firsts(loader)[0], firsts(loader)[0]
    iter(loader)  # counts, though nothing is taken from it
    fourth = firsts(loader)[0]
    random.manual_seed(5)
    expected = [random.permutation(50).tolist() for _ in range(4)]
    assert [first, second, fourth] == [expected[0], expected[1], expected[3]]
    assert sorted(first) == list(range(50)) and first != second


def test_generator_decides_instead_of_the_random_state() -> None:
    def orders(seed: int) -> list[list[int]]:
        loader = DataLoader(Squares(20), 20, shuffle=True, generator=Generator(seed))
        return [firsts(loader)[0] for _ in range(3)]

    assert orders(1) == orders(1) != orders(2)
    assert len({tuple(order) for order in orders(1)}) == 3
    assert random.state.orders == 0
    with pytest.raises(TypeError, match=r"must have a method initial_seed\(\), got int"):
        DataLoader(Squares(3), shuffle=True, generator=3)


def test_users_getitem_runs_in_the_calling_thread() -> None:
    data = Squares(20)
    list(DataLoader(data, batch_size=4, num_workers=3))
    assert data.threads == {threading.current_thread()}


def test_names_as_attributes() -> None:
    script = (
        "import fastnn as torch, sys; assert not {'fastnn.data', 'PIL'} & set(sys.modules); "
        "print(torch.utils.data.DataLoader.__name__)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert result.stdout == "DataLoader\n", result.stderr
    with pytest.raises(AttributeError, match=r"module 'fastnn\.utils' has no attribute 'dta'"):
        from fastnn import utils

        utils.dta  # noqa: B018


def test_no_main_guard_is_needed() -> None:
    script = (
        "from fastnn.utils.data import DataLoader, Dataset\n"
        "class D(Dataset):\n    __len__ = lambda self: 8\n    __getitem__ = lambda self, i: (float(i), i)\n"
        "def hello(worker):\n    print('worker')\n"
        "print(sum(float(x.sum()) for x, y in DataLoader(D(), 3, num_workers=4, worker_init_fn=hello)))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.returncode) == ("28.0\n", 0), result.stderr


def test_own_samplers_are_asked() -> None:
    class Backwards(Sampler):
        def __init__(self, count: int) -> None:
            self.count = count

        def __iter__(self) -> Iterator[int]:
            return iter(range(self.count - 1, -1, -1))

        def __len__(self) -> int:
            return self.count

    assert firsts(DataLoader(Squares(5), 2, sampler=Backwards(5))) == [[4, 3], [2, 1], [0]]
    assert firsts(DataLoader(Squares(5), sampler=[3, 3])) == [[3], [3]]
    loader = DataLoader(Squares(5), batch_sampler=[[1, 2], [0]])
    assert firsts(loader) == [[1, 2], [0]] and len(loader) == 2 and loader.batch_size is None


def test_without_batches() -> None:
    assert list(DataLoader([3, 1], batch_size=None)) == [3, 1]
    sample = next(iter(DataLoader([np.zeros(2)], batch_size=None)))
    assert isinstance(sample, Tensor) and tuple(sample.shape) == (2,)
    assert len(DataLoader([3, 1], batch_size=None)) == 2
    assert list(DataLoader([{"a": (1, "b")}], batch_size=None)) == [{"a": [1, "b"]}]


def test_collate_fn_gets_the_samples() -> None:
    assert list(DataLoader(Squares(3), 2, collate_fn=list)) == [[(0, 0), (1, 1)], [(2, 4)]]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"batch_size": 0}, ValueError, "batch_size is 0; it must be a whole number >= 1"),
        ({"batch_size": -2}, ValueError, "batch_size is -2"),
        ({"batch_size": 2.0}, ValueError, r"batch_size is 2\.0"),
        ({"batch_size": True}, ValueError, "batch_size is True"),
        ({"drop_last": 1}, ValueError, "drop_last should be a boolean"),
        ({"sampler": [0], "shuffle": True}, ValueError, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "batch_sampler excludes"),
        ({"batch_sampler": [[0]], "shuffle": True}, ValueError, "batch_sampler excludes"),
        ({"batch_sampler": [[0]], "sampler": [0]}, ValueError, "batch_sampler excludes"),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError, "batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, ValueError, "mutually exclusive with drop_last"),
        ({"num_workers": -1}, ValueError, "num_workers option should be non-negative, got -1"),
        ({"timeout": -1}, ValueError, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, ValueError, "prefetch_factor option needs num_workers > 0"),
        ({"persistent_workers": True}, ValueError, "persistent_workers option needs num_workers > 0"),
        (
            {"batch_size": 64, "drop_last": True},
            ValueError,
            "data set has 5 samples, batch_size is 64 and drop_last is on: no batch would be trained",
        ),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        DataLoader(Squares(5), **options)


def test_bad_data_sets() -> None:
    class Stream(IterableDataset):
        def __iter__(self) -> Iterator[int]:
            return iter(range(3))

    with pytest.raises(TypeError, match="IterableDataset is not supported"):
        DataLoader(Stream())
    with pytest.raises(TypeError, match="a generator, has no method __getitem__"):
        DataLoader(i for i in range(3))
    with pytest.raises(ValueError, match=r"num_samples=0 \(the data set is empty\)"):
        DataLoader([], shuffle=True)
    assert list(DataLoader([])) == []
    with pytest.raises(NotImplementedError, match="Dataset needs a method __getitem__"):
        Dataset()[0]
    with pytest.raises(TypeError, match="replacement should be a boolean"):
        RandomSampler([1], replacement=1)
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        RandomSampler([1], num_samples=0)


def test_everything_that_pytorch_accepts_is_accepted() -> None:
    loader = DataLoader(
        Squares(4), 2, False, None, None, 2, None, True, False, 5.0, print, "fork", None, prefetch_factor=3,
        persistent_workers=True, pin_memory_device="cpu", in_order=True,
    )  # fmt: skip
    assert firsts(loader) == [[0, 1], [2, 3]] and loader.pin_memory and loader.num_workers == 2


def equal_batches(a: DataLoader, b: DataLoader) -> int:
    """Compares two loaders bit for bit; returns how many batches they have."""
    count = 0
    for (xa, ya), (xb, yb) in zip(a, b, strict=True):
        assert type(xa) is type(xb) is Tensor
        for fast, slow in ((xa, xb), (ya, yb)):
            assert fast.numpy().dtype == slow.numpy().dtype
            np.testing.assert_array_equal(fast.numpy(), slow.numpy())
        count += 1
    return count


@pytest.fixture(params=["folder", "mnist"])
def image_data(request: pytest.FixtureRequest, image_folder: Callable, mnist_folder: Callable) -> ImageFolder | MNIST:
    if request.param == "mnist":
        return MNIST(mnist_folder(), transform=NORMALISED)
    return ImageFolder(image_folder({"a": 13, "b": 9}), NORMALISED)


class OneByOne(Dataset):
    """Hides what a data set is."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getitem__(self, index: int) -> Any:
        return self.inner[index]

    def __len__(self) -> int:
        return len(self.inner)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_resident_batches_equal_the_samples(image_data: Any, shuffle: bool, drop_last: bool) -> None:
    fast = DataLoader(image_data, 5, shuffle, drop_last=drop_last, generator=Generator(3), num_workers=2)
    slow = DataLoader(OneByOne(image_data), 5, shuffle, drop_last=drop_last, generator=Generator(3))
    for _ in range(2):
        assert equal_batches(fast, slow) == len(fast)


def test_resident_batches_touch_no_sample(image_data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(DataLoader(OneByOne(image_data), 7, sampler=[3, 3, 1]))
    monkeypatch.setattr(type(image_data), "_transformed", lambda *_: pytest.fail("one by one"))
    for loader in (
        DataLoader(image_data, 7, sampler=[3, 3, 1]),
        DataLoader(image_data, batch_sampler=[[3, 3, 1]]),
        DataLoader(Subset(image_data, [3, 3, 1]), 7),
        DataLoader(Subset(Subset(image_data, np.array([9, 1, 8, 3])), [3, 3, 1]), 7),
    ):
        assert equal_batches(loader, expected) == 1


def test_not_resident_data_comes_one_by_one(image_folder: Callable) -> None:
    root = image_folder({"a": 3, "b": 2})
    for transform in (Compose([Lambda(lambda image: image), ToTensor()]), ToTensor()):
        assert [len(y) for _, y in DataLoader(ImageFolder(root, transform), 2)] == [2, 2, 1]
    image_folder({"c": 1}, root, size=(9, 9))
    sizes = [tuple(x.shape) for x, _ in DataLoader(ImageFolder(root, ToTensor()))]
    assert sizes == [(1, 3, 4, 6)] * 5 + [(1, 3, 9, 9)]
    with pytest.raises(ValueError, match=r"one shape: \(3, 4, 6\), but \(3, 9, 9\) at entry 1"):
        list(DataLoader(ImageFolder(root, ToTensor()), 2))


def test_resident_of_a_loader_is_what_it_goes_through(image_data: Any) -> None:
    count = len(image_data)
    for shuffle in (False, True):
        assert DataLoader(image_data, 4, shuffle).resident().images is image_data.resident().images
    part = DataLoader(Subset(image_data, [5, 2]), 4).resident()
    assert part.names == [image_data.resident().names[5], image_data.resident().names[2]]
    np.testing.assert_array_equal(part.images, image_data.resident().images[[5, 2]])
    assert part.targets.tolist() == image_data.resident().targets[[5, 2]].tolist()
    assert part.mean is not None
    sampler = RandomSampler(image_data, num_samples=count - 1)
    for loader in (
        DataLoader(image_data, 4, drop_last=True),
        DataLoader(image_data, 4, sampler=[0]),
        DataLoader(image_data, 4, sampler=sampler),
        DataLoader(image_data, batch_sampler=[[0]]),
        DataLoader(image_data, batch_size=None),
        DataLoader(image_data, 4, collate_fn=list),
        DataLoader(Squares(3)),
        DataLoader(Subset(Squares(3), [0])),
    ):
        assert loader.resident() is None


def test_workers_are_decoding_threads(image_folder: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnn.datasets import folder

    threads = []
    decode = folder.decode_folder
    monkeypatch.setattr(
        folder, "decode_folder", lambda *args, **kw: threads.append(kw["threads"]) or decode(*args, **kw)
    )
    root = image_folder({"a": 3})
    list(DataLoader(ImageFolder(root, Compose([Resize(3), ToTensor()])), num_workers=3))
    list(DataLoader(ImageFolder(root, ToTensor())))
    assert threads == [3, None]


class Columns:
    """Rows as Hugging Face's data sets give them: a dict with a PIL image and a label."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> dict[str, object]:
        pixels = np.full((3, 4), 51 * index, dtype=np.uint8)
        return {"image": Image.fromarray(pixels), "label": index % 2, "text": str(index)}


def test_rows_with_named_columns() -> None:
    batches = list(DataLoader(Columns(), batch_size=2))
    assert [batch["label"].tolist() for batch in batches] == [[0, 1], [0, 1], [0]]
    assert batches[1]["image"].shape == (2, 1, 3, 4) and batches[1]["text"] == ["2", "3"]
    np.testing.assert_allclose(batches[1]["image"][:, 0, 0, 0].numpy(), [0.4, 0.6], rtol=1e-6)


def test_a_hugging_face_data_set() -> None:
    datasets = pytest.importorskip("datasets")
    pictures = [Image.fromarray(np.full((4, 4), 10 * i, dtype=np.uint8)) for i in range(6)]
    columns = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    rows = datasets.Dataset.from_dict({"image": pictures, "label": [0, 1, 2] * 2}, features=columns)
    loader = DataLoader(rows, batch_size=4, shuffle=True)
    seen = sorted(
        (round(float(image.max()) * 255), int(label))
        for batch in loader
        for image, label in zip(batch["image"], batch["label"], strict=True)
    )
    assert seen == [(10 * i, i % 3) for i in range(6)]
    scaled = rows.with_transform(lambda batch: {**batch, "image": [ToTensor()(image) * 2 for image in batch["image"]]})
    batch = next(iter(DataLoader(scaled, batch_size=6)))
    assert batch["image"].shape == (6, 1, 4, 4) and round(float(batch["image"].max()) * 255) == 100
