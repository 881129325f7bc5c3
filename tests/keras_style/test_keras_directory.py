"""Images in folders and tables as batches, and single files as arrays; beside Keras where it is there."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array, load_img, save_img
from PIL import Image

NAMES = {"cats": ["a.png", "b.jpg", "c.bmp", "sub/d.png", "e.PNG"], "dogs": ["x.png", "y.jpeg", "z.png"]}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Images of several sizes and modes; beside them what is none."""
    rng = np.random.default_rng(1)
    root = tmp_path / "pets"
    for name, files in NAMES.items():
        for number, file in enumerate(files):
            path = root / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (12 + number, 20 - number, 3), np.uint8)
            Image.fromarray(pixels).convert("L" if file == "z.png" else "RGB").save(path)
    (root / "cats/readme.txt").write_text("no image")
    return root


def flow(root: Path, **given: Any) -> Any:
    generator = ImageDataGenerator(
        **{name: given.pop(name) for name in ("validation_split", "rescale") if name in given}
    )
    return generator.flow_from_directory(root, **{"target_size": (8, 10), "batch_size": 3, **given})


def test_a_folder(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = flow(pets, shuffle=False, rescale=1 / 255, interpolation="bilinear")
    assert capsys.readouterr().out == "Found 8 images belonging to 2 classes.\n"
    assert found.class_indices == {"cats": 0, "dogs": 1} and found.classes.tolist() == [0] * 5 + [1] * 3
    assert [Path(name).as_posix() for name in found.filenames] == [
        *("cats/a.png", "cats/b.jpg", "cats/c.bmp", "cats/e.PNG", "cats/sub/d.png"),
        *("dogs/x.png", "dogs/y.jpeg", "dogs/z.png"),
    ]
    assert found.filepaths == [os.path.join(pets, name) for name in found.filenames]
    assert (found.samples, found.n, found.num_classes, found.image_shape, len(found)) == (8, 8, 2, (8, 10, 3), 3)
    for _ in range(2):  # read, and as it was kept
        x, y = found[1]
        assert x.dtype == y.dtype == np.float32 and y.tolist() == [[1, 0], [1, 0], [0, 1]]
        for image, path in zip(x, found.filepaths[3:6], strict=True):
            with Image.open(path) as file:
                wanted = file.convert("RGB").resize((10, 8), Image.Resampling.BILINEAR)
            np.testing.assert_allclose(image, np.asarray(wanted) / 255, rtol=1e-6)


def test_what_is_kept_changes_nothing(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short every batch is read again."""
    kept = flow(pets, seed=3)
    batches = [next(kept) for _ in range(6)]
    monkeypatch.setattr("fastnn.keras.preprocessing.iterator.fits_memory", lambda size, share: False)
    for got, (x, y) in zip(flow(pets, seed=3), batches, strict=False):
        np.testing.assert_array_equal(got[0], x)
        np.testing.assert_array_equal(got[1], y)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("categorical", [[1, 0], [0, 1]]), ("binary", [0, 1]), ("sparse", [0, 1]), ("input", None), (None, None)],
)
def test_targets(pets: Path, mode: str | None, wanted: Any) -> None:
    batch = flow(pets, class_mode=mode, batch_size=8, shuffle=False)[0]
    if mode is None:
        assert batch.shape == (8, 8, 10, 3)
    elif mode == "input":
        np.testing.assert_array_equal(*batch)
    else:
        assert batch[1][[0, -1]].tolist() == wanted


def test_subsets_and_classes(pets: Path) -> None:
    parts = {s: flow(pets, validation_split=0.4, subset=s, class_mode="sparse") for s in ("training", "validation")}
    assert [len(part.filenames) for part in parts.values()] == [5, 3]  # of 5 cats 2, of 3 dogs 1 to validate
    assert not set(parts["training"].filenames) & set(parts["validation"].filenames)
    turned = flow(pets, classes=["dogs", "cats"], color_mode="grayscale")
    assert turned.class_indices == {"dogs": 0, "cats": 1} and turned[0][0].shape == (3, 8, 10, 1)
    assert flow(pets, color_mode="rgba")[0][0].shape == (3, 8, 10, 4)
    one = flow(pets.parent, classes=["pets"], class_mode=None)
    assert one.samples == 8 and one.class_indices == {"pets": 0}


def test_a_model_learns_from_a_folder(pets: Path) -> None:
    """fit, evaluate and predict of iterators are those of their batches."""
    fastnn.manual_seed(1)
    layers = [keras.Input((8, 10, 3)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    train, test = (flow(pets, rescale=1 / 255, class_mode="binary", shuffle=shuffle) for shuffle in (True, False))
    history = model.fit(train, steps_per_epoch=4, epochs=2, validation_data=test, validation_steps=3, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    x, y = (np.concatenate([test[i][part] for i in range(3)]) for part in (0, 1))
    assert model.evaluate(test, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    np.testing.assert_allclose(model.predict(test, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    nameless = flow(pets, rescale=1 / 255, class_mode=None, shuffle=False)
    np.testing.assert_array_equal(model.predict_generator(nameless, verbose=0), model.predict(test, verbose=0))


def test_a_table(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything with columns; pandas beside it where it is there."""
    files = ["cats/a.png", "dogs/x.png", "cats/none.png", "dogs/z.png", "cats/b.jpg"]
    table = {
        "filename": files,
        "class": ["cat", "dog", "cat", "dog", "cat"],
        "w": [1.0, 2, 3, 4, 5],
        "n": [5, 6, 7, 8, 9],
    }
    given: dict[str, Any] = {"target_size": (8, 10), "shuffle": False, "batch_size": 9}
    generator = ImageDataGenerator(validation_split=0.5)
    with pytest.warns(UserWarning, match=r"Found 1 invalid image filename\(s\).*none\.png"):
        found = generator.flow_from_dataframe(table, str(pets), weight_col="w", **given)
    assert capsys.readouterr().out == "Found 4 validated image filenames belonging to 2 classes.\n"
    x, y, weight = found[0]
    assert found.class_indices == {"cat": 0, "dog": 1} and found.classes == [0, 1, 1, 0]
    assert y.tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]] and weight.tolist() == [1, 2, 4, 5]
    np.testing.assert_array_equal(x[0], img_to_array(load_img(pets / "cats/a.png", target_size=(8, 10))))
    with pytest.warns(UserWarning, match="invalid"):
        numbers = generator.flow_from_dataframe(table, pets, y_col="n", class_mode="raw", subset="validation", **given)
    assert numbers[0][1].tolist() == [5, 6]
    lists = {"filename": files[:2], "class": [["cat"], ["cat", "dog"]]}
    assert generator.flow_from_dataframe(lists, pets, **given)[0][1].tolist() == [[1, 0], [1, 1]]
    with pytest.raises(KeyError, match="no column 'label'; it has filename, class"):
        generator.flow_from_dataframe(lists, pets, y_col="label")
    with pytest.raises(TypeError, match="needs names of classes, as strings"):
        generator.flow_from_dataframe({"filename": files[:2], "class": [0, 1]}, pets)
    with pytest.raises(FileNotFoundError, match=r"none of the 2 files of the table is there: .* cats/a\.png"):
        generator.flow_from_dataframe(lists)


def _damaged(pets: Path) -> None:
    whole = (pets / "cats/b.jpg").read_bytes()
    (pets / "cats/b.jpg").write_bytes(whole[: len(whole) // 2])


def _loose(pets: Path) -> Any:
    return flow(pets / "dogs", class_mode=None)


def _no_images(pets: Path) -> Any:
    (pets.parent / "none/cats").mkdir(parents=True)
    return flow(pets.parent / "none")


MISTAKES: dict[str, tuple[Callable[[Path], Any], type, str]] = {
    "no folder": (lambda pets: flow(pets / "birds"), FileNotFoundError, "birds"),
    "loose images": (
        _loose,
        FileNotFoundError,
        r"dogs' has no class folders: expected <class>/<image>\. 3 images lie in it directly: "
        r"flow_from_directory\('.*pets', classes=\['dogs'\], class_mode=None\) takes them",
    ),
    "no images": (_no_images, FileNotFoundError, "none' has no images in its class folders"),
    "no such class": (lambda pets: flow(pets, classes=["cats", "birds"]), FileNotFoundError, "no folder 'birds' in"),
    "a class mode": (lambda pets: flow(pets, class_mode="category"), ValueError, "class_mode is 'category'"),
    "a size": (
        lambda pets: flow(pets, target_size=150),
        ValueError,
        r"target_size is 150; it must be \(height, width\)",
    ),
    "a colour": (lambda pets: flow(pets, color_mode="gray"), ValueError, "color_mode is 'gray'"),
    "a way": (lambda pets: flow(pets, interpolation="linear"), ValueError, "interpolation is 'linear'; did you mean"),
    "a subset": (lambda pets: flow(pets, subset="test"), ValueError, "subset is 'test'"),
    "no split": (lambda pets: flow(pets, subset="training"), ValueError, "needs ImageDataGenerator"),
    "damaged": (lambda pets: (_damaged(pets), next(flow(pets, batch_size=8))), ValueError, r"b\.jpg cannot be read"),
    "a place": (
        lambda pets: flow(pets, save_to_dir=pets / "x"),
        FileNotFoundError,
        "which is no folder: make it first",
    ),
    "no image": (lambda pets: load_img(pets / "cats/readme.txt"), ValueError, r"readme\.txt is not an image"),
    "bytes": (lambda pets: load_img(io.BytesIO(b"none")), ValueError, "these 4 bytes cannot be read as an image"),
    "a mode": (lambda pets: load_img(pets / "cats/a.png", color_mode="bgr"), ValueError, "color_mode is 'bgr'"),
    "a batch": (lambda pets: array_to_img(np.zeros((1, 2, 2, 3))), ValueError, r"x\[0\] is one of a batch"),
    "channels": (lambda pets: array_to_img(np.zeros((2, 2, 5))), ValueError, "1, 3 or 4 channels"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str, pets: Path) -> None:
    call, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        call(pets)


def test_classes_that_cannot_be(pets: Path) -> None:
    (pets / "birds").mkdir()
    with pytest.raises(ValueError, match=r"'binary' is for two classes, there are 3 \(birds, cats, dogs\)"):
        flow(pets, class_mode="binary")
    with pytest.warns(UserWarning, match="class 'birds' has no images: .*birds"):
        assert flow(pets).num_classes == 3


def test_files_and_arrays(tmp_path: Path) -> None:
    """There and back; channels first; 16 bits; the names in keras.utils."""
    x = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.float32)
    save_img(tmp_path / "x.png", x, scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "x.png")), x)
    np.testing.assert_array_equal(img_to_array(load_img(io.BytesIO((tmp_path / "x.png").read_bytes()))), x)
    first = img_to_array(load_img(str(tmp_path / "x.png")), data_format="channels_first")
    np.testing.assert_array_equal(first, x.transpose(2, 0, 1))
    np.testing.assert_array_equal(np.asarray(array_to_img(first, "channels_first", scale=False)), x)
    stretched = np.asarray(array_to_img(x / 1000 + 5))
    np.testing.assert_allclose(stretched, (x - x.min()) * (255 / (x.max() - x.min())), atol=1.01)
    middle = load_img(tmp_path / "x.png", target_size=(6, 4), keep_aspect_ratio=True)
    np.testing.assert_array_equal(img_to_array(middle), x[:, 2:6])
    Image.fromarray(np.array([[0, 32896, 65535]], np.uint16)).save(tmp_path / "deep.png")
    assert img_to_array(load_img(tmp_path / "deep.png", color_mode="grayscale")).ravel().tolist() == [0, 128, 255]
    keras.utils.save_img(tmp_path / "clear.jpg", np.zeros((4, 4, 4)))
    assert keras.utils.load_img(tmp_path / "clear.jpg", target_size=(2, 3)).size == (3, 2)


def everything(kind: Any, pets: Path) -> dict[Any, Any]:
    """What a package like Keras makes of the same files."""
    image, out = kind, {}
    for way in ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"):
        for ratio in (False, True):
            for mode in ("rgb", "rgba", "grayscale"):
                how = {"interpolation": way, "keep_aspect_ratio": ratio, "color_mode": mode, "target_size": (7, 11)}
                files = [pets / "cats" / name for name in ("a.png", "b.jpg", "c.bmp")]
                out[way, ratio, mode] = [image.img_to_array(image.load_img(file, **how)) for file in files]
    x = out["nearest", False, "rgb"][0]
    out["arrays"] = [np.asarray(image.array_to_img(x / 7, scale=scale)) for scale in (False, True)]
    generator = image.ImageDataGenerator(rotation_range=30, zoom_range=0.3, horizontal_flip=True, validation_split=0.4)
    for mode in ("categorical", "binary", "sparse", "input"):
        for subset in ("training", "validation"):
            found = generator.flow_from_directory(
                pets, (8, 8), class_mode=mode, batch_size=2, seed=5, subset=subset, interpolation="bilinear"
            )
            out[mode, subset] = [*(next(found) for _ in range(4)), found.classes, found.filenames, found.image_shape]
    return out


@pytest.mark.filterwarnings("ignore")  # Keras' own
def test_beside_keras(pets: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    theirs = pytest.importorskip("keras.src.legacy.preprocessing.image")
    utils = pytest.importorskip("keras").utils

    class Theirs:
        ImageDataGenerator = theirs.ImageDataGenerator
        load_img, img_to_array, array_to_img = map(
            staticmethod, (utils.load_img, utils.img_to_array, utils.array_to_img)
        )

    def check(got: Any, wanted: Any, name: Any) -> None:
        if isinstance(wanted, list | tuple):
            assert len(got) == len(wanted), name
            for one, other in zip(got, wanted, strict=True):
                check(one, other, name)
        elif isinstance(wanted, str):
            assert got == wanted, name
        else:
            np.testing.assert_allclose(got, wanted, atol=1e-3, err_msg=str(name))

    wanted = everything(Theirs, pets)
    for name, found in everything(keras.preprocessing.image, pets).items():
        check(found, wanted[name], name)
