"""The errors of bad input in Chinese: each one really raised, told in Chinese with its names and numbers, the English
kept; and nothing of it where nobody asked for it or the terminal cannot show it."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import processes
import pytest
from fastnn import Network, chinese, keras, kernels, nn, optim
from fastnn.data.idx import read_idx, read_labelled
from fastnn.data.images import open_image
from fastnn.data.source import open_source
from fastnn.datasets import ImageFolder
from fastnn.eager.tensor import Tensor
from fastnn.keras import losses
from fastnn.keras.callbacks import EarlyStopping
from fastnn.keras.layers import Conv2D, Dense, Dropout
from fastnn.keras.models import Sequential, load_model
from fastnn.keras.utils import to_categorical
from fastnn.utils.data import DataLoader
from PIL import Image


def image(path: Path, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(1).integers(0, 256, size[::-1], dtype=np.uint8)).save(path)
    return path


def classes(root: Path, *names: str) -> Path:
    for name in names:
        image(root / name / "a.png")
    return root


def idx(path: Path, array: np.ndarray) -> Path:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())
    return path


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def sizes(folder: Path) -> Any:
    image(classes(folder / "d" / "train", "a", "b") / "a" / "odd.png", (9, 7))
    return open_source(folder / "d")


def shifted(folder: Path, test: str) -> Any:
    classes(folder / "d" / "train", "a", "b")
    classes(folder / "d" / "test", *test)
    return open_source(folder / "d")


def diverging() -> Any:
    x = np.random.default_rng(0).random((64, 4)).astype(np.float32) * 1e4
    network = Network(4, 8, 3)
    network.fit((x, np.arange(64) % 3), epochs=50, optimizer="sgd", lr=1e30, verbose=0)


def saved(folder: Path) -> Path:
    path = folder / "m.safetensors"
    Network(4, 3).save(path)
    return path


def damaged(folder: Path) -> Any:
    path = saved(folder)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return Network.load(path)


def pickled(folder: Path) -> Any:
    import pickle
    import zipfile

    with zipfile.ZipFile(folder / "m.pth", "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({"a": Path}, protocol=2))
        archive.writestr("m/version", "3\n")
    return fastnn.load(folder / "m.pth")


def twice() -> None:
    loss = (Tensor(np.ones(3), requires_grad=True) ** 2).sum()
    loss.backward()
    loss.backward()


X, Y = np.ones((6, 4), dtype=np.float32), np.arange(6) % 3
CASES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "1 no folder": (
        lambda d: (classes(d / "train", "a"), open_source(d / "tran")),
        r"数据文件夹“.*/tran”不存在 \(是不是“.*/train”\?\)",
    ),
    "1 a file": (lambda d: ImageFolder(image(d / "x.png")), r"“.*/x\.png”是文件, 不是数据文件夹"),
    "2 loose files": (
        lambda d: ImageFolder(image(d / "r" / "x.png").parent),
        r"没有找到图片: 图片要放成“.*/r/<类别>/<图片>”",
    ),
    "2 empty folders": (
        lambda d: ((d / "r" / "a").mkdir(parents=True), ImageFolder(d / "r")),
        r"r”的 1 个类别文件夹里没有图片",
    ),
    "3 empty class": (
        lambda d: (classes(d / "r", "a"), (d / "r" / "zebra").mkdir(), ImageFolder(d / "r")),
        r"类别 'zebra' 里没有图片: .*/zebra",
    ),
    "4 more classes": (lambda d: shifted(d, "abc"), r"训练数据没有的类别 'c' \(序号 2\), 标签会错位"),
    "4 fewer classes": (lambda d: shifted(d, "a"), r"缺少训练数据有的类别 'b', 标签会错位"),
    "5 truncated": (
        lambda d: open_image(cut(image(d / "x.png"), 60)),
        r"图片 .*/x\.png 不完整, 只有 60 字节 \(应至少有",
    ),
    "6 no image": (
        lambda d: ((d / "x.png").write_text("hello, world"), open_image(d / "x.png")),
        r"x\.png 不是图片: 文件开头是 'hello, world'",
    ),
    "6 nothing": (lambda d: open_image(cut(image(d / "x.png"), 0)), r"x\.png 是空文件 \(0 字节\)"),
    "7 bomb": (lambda d: open_image(image(d / "x.png"), max_pixels=10), r"声称有 8 x 8 = 64 个像素, 上限是 10"),
    "8 sizes": (sizes, r"图片大小不一致: 8x8 \(2\), 9x7 .*。请使用 transforms\.Resize\(\(8, 8\)\)"),
    "9 truncated IDX": (
        lambda d: read_idx(cut(idx(d / "i", np.zeros((3, 4, 4))), 30)),
        r"/i 不完整: 文件头说有 3x4x4 = 48 字节, 实际只有 14 字节",
    ),
    "9 no IDX": (lambda d: read_idx(image(d / "x.png")), r"x\.png 不是 IDX 文件: 文件开头是"),
    "10 counts": (
        lambda d: read_labelled(idx(d / "i", np.zeros((3, 4, 4))), idx(d / "l", np.zeros(2)), 10),
        r"/i 有 3 张图片, 而 .*/l 有 2 个标签",
    ),
    "11 label": (lambda d: Network(4, 3).fit((X, Y + 1)), r"第 2 个样本的标签 3 超出了 0\.\.2: 最后一层只有 3 个输出"),
    "11 label of a loss": (
        lambda d: nn.CrossEntropyLoss()(Tensor(X), Tensor(np.full(6, -1))),
        r"第 0 个样本的标签 -1 超出了 0\.\.3",
    ),
    "11 kind of label": (
        lambda d: nn.CrossEntropyLoss()(Tensor(X), Tensor(np.ones(6, np.float32))),
        r"标签必须是整数 \(int64\), 得到的是 torch\.float32",
    ),
    "12 NaN": (
        lambda d: Network(4, 3).fit((np.where(X == 1, np.nan, X), Y)),
        r"input 里有 24 个 NaN 或无穷大, 第一个在样本 0 的第 0 个特征 \(nan\)",
    ),
    "13 divergence": (lambda d: diverging(), r"第 \d+ 轮第 \d+ 步的损失变成了 (nan|inf), .*请用比 1e\+30 更小的学习率"),
    "14 width": (
        lambda d: nn.Sequential(nn.Linear(9, 3))(Tensor(X)),
        r"层“0”: 权重有 9 个输入, 而每个样本有 4 个特征: 请改成 Linear\(4, 3\)",
    ),
    "14 width of a model": (lambda d: Network(9, 3)(Tensor(X)), r"层“layer1”: 权重有 9 个输入"),
    "14 width, Keras": (
        lambda d: _dense().predict(X),
        r"层“d”\(Dense\) 的输入形状应是 \(None, 9\), 而 x 的形状是 \(6, 4\)",
    ),
    "14 width of one sample": (lambda d: _dense().predict(np.ones(9)), r"x 的形状是 \(9,\): 请用 x\[None\]$"),
    "14 another width": (lambda d: _dense().predict(X), r"请换数据, 或给第一层写 input_shape=\(4,\)$"),
    "14 outputs": (
        lambda d: _fitted(Y, "mse"),
        r"^mean_squared_error 不接受形状为 \(6,\) 的目标: 最后一层是不是应有 1 个输出",
    ),
    "14 class numbers": (
        lambda d: _fitted(Y, "categorical_crossentropy"),
        "请用 to_categorical 转换, 或改用 sparse_categorical_crossentropy$",
    ),
    "15 objects": (lambda d: kernels.relu_forward(np.array(["a"], object)), "需要数字数组, 得到的是"),
    "15 read-only": (
        lambda d: kernels.relu_forward(X, out=np.frombuffer(bytes(96), np.float32).reshape(6, 4)),
        "out 是只读的",
    ),
    "15 overlap": (lambda d: kernels.relu_forward(X[:5], out=X[1:]), "out"),
    "16 batch size": (lambda d: Network(4, 3).fit((X, Y), batch_size=0), "batch_size 是 0: 必须是不小于 1 的整数"),
    "16 no batch": (
        lambda d: (
            len(DataLoader([1, 2], batch_size=5, drop_last=True)) or next(iter(DataLoader([1], 5, drop_last=True)))
        ),
        "数据集有 2 个样本, batch_size 是 5, 又开了 drop_last",
    ),
    "16 no data": (lambda d: Network(4, 3).fit((X[:0], Y[:0])), "数据是空的"),
    "16 samples": (lambda d: Network(4, 3).fit((X, Y[:3])), "x 有 6 个样本, y 有 3 个"),
    "17 size": (lambda d: nn.Linear(10**9, 10**9), r"Linear\(1000000000 -> 1000000000\) 需要 3\.55e\+03 PiB"),
    "18 truncated file": (lambda d: Network.load(cut(saved(d), 400)), r"m\.safetensors 不完整"),
    "18 damaged file": (damaged, r"张量 .*已损坏 \(校验和不符\)"),
    "18 another model": (
        lambda d: Network(4, 3).load_state_dict(Network(5, 3).state_dict()),
        r"这份参数与模型 Network 不相符",
    ),
    "19 code": (pickled, r"m\.pth: data\.pkl 里有 Python 对象 \(第一个: .*\), 不只是张量"),
    "20 no space": (
        lambda d: Network(4, 3).save("/dev/full/m.pth"),
        r"无法保存 .*m\.pth",
    ),
    "no parameters": (lambda d: optim.Adam([]), "优化器没有得到参数"),
    "not scalar": (lambda d: Tensor(np.ones(3), requires_grad=True).backward(), r"backward\(\) 需要标量, .*\(3,\)"),
    "no gradient": (lambda d: Tensor(np.ones(())).backward(), r"对不需要梯度的张量调用了 backward\(\)"),
    "twice": (lambda d: twice(), r"第二次调用 backward\(\)"),
    "no folder to save in": (lambda d: Network(4, 3).save(d / "a" / "m.pth"), r"m\.pth: 没有文件夹 .*/a, 请先创建$"),
    "IDX files": (
        lambda d: ((d / "r/mnist").mkdir(parents=True), (d / "r/mnist/a-ubyte.gz").touch(), ImageFolder(d / "r")),
        "/mnist 里是 IDX 文件, 不是一个类别的图片: 数据文件夹请直接写 .*/mnist$",
    ),
    "fit first": (lambda d: _dense().fit(X, Y), "模型“s”还没有编译"),
}


# Messages without a code, by the forms that they share.
FORMS: dict[str, tuple[Callable[[], Any], str]] = {
    "misspelt": (lambda: Dense(3, activaton="relu"), "没有名为 activaton 的参数: 是不是 activation?"),
    "misspelt callback": (lambda: EarlyStopping(pateince=3), "没有名为 pateince 的参数: 是不是 patience?"),
    "misspelt option": (lambda: _dense().fit(X, Y, epoch=3), "没有名为 epoch 的参数: 是不是 epochs?"),
    "parts of a name": (
        lambda: losses.get("sparse_crossentropy"),
        "没有 sparse_crossentropy 这个名字: 是不是 sparse_cat",
    ),
    "no layer": (lambda: _dense().get_layer("e"), "没有 e 这个名字"),
    "class": (
        lambda: _fitted(X[:, :3], "mse", callbacks=[EarlyStopping]),
        "得到的是类, 要加括号创建对象: EarlyStopping(...)",
    ),
    "class alone": (
        lambda: _fitted(X[:, :3], "mse", callbacks=EarlyStopping),
        "得到的是类, 要加括号创建对象: EarlyStopping(...)",
    ),
    "class of a layer": (lambda: Sequential([Dense]), "得到的是类, 要加括号创建对象: Dense(...)"),
    "units": (lambda: Dense(-3), "Dense: units 是 -3: 必须是不小于 1 的整数"),
    "rate": (lambda: Dropout(50), "Dropout: rate 是 50: 必须是不小于 0 且小于 1 的数"),
    "epochs": (lambda: _fitted(X[:, :3], "mse", epochs=2.5), "epochs 应是整数, 得到的是 2.5"),
    "pair": (
        lambda: _fitted(X[:, :3], "mse", validation_data=X),
        "validation_data 必须是 (x, y) 或 (x, y, sample_weight)",
    ),
    "no layer to add": (lambda: Sequential(["relu"]), "Sequential 应是 fastnn.keras.layers 的层, 得到的是 str"),
    "no shape": (lambda: Sequential([Dense(3)], name="n").count_params(), "模型“n”不知道输入的形状: 请给第一层写"),
    "no channels": (
        lambda: Sequential([Conv2D(8, 3, input_shape=(9, 9))]),
        "图片缺少通道: 请用 x[..., None], input_sh",
    ),
    "kernel": (
        lambda: Sequential([Conv2D(8, 5, input_shape=(4, 4, 1))]),
        "窗口 5 x 5 比输入 (N, 4, 4, 1) 大: 请用 padd",
    ),
    "one-hot": (lambda: to_categorical([1, 7], 5), "标签从 1 到 7, 超出了 0..4"),
    "no targets": (lambda: _fitted(None, "mse"), "还要给出标签: fit(x, y)"),
    "no file": (lambda: load_model("无.keras"), "没有文件 无.keras: 请检查名字和所在的文件夹"),
    "no name": (lambda: keras.layers.Danse, "fastnn.keras.layers 没有 Danse: 名字有没有拼错?"),
}


@pytest.mark.parametrize(("call", "line"), FORMS.values(), ids=FORMS.keys())
def test_forms_that_messages_share(call: Callable[[], Any], line: str) -> None:
    with pytest.raises(Exception) as caught:
        call()
    assert str(chinese.translated(caught.value)).startswith(line), str(caught.value)


def test_no_line_is_half_english() -> None:
    assert chinese.translated(ValueError("activation must be the name of a function, got int")) is None


def _dense() -> Sequential:
    return Sequential([Dense(3, input_dim=9, name="d")], name="s")


def _fitted(y: np.ndarray | None, loss: str, **how: Any) -> Any:
    model = Sequential([Dense(3, input_dim=4)])
    model.compile("sgd", loss)
    return model.fit(X, y, verbose=0, **how)


@pytest.mark.parametrize(("call", "chinese_text"), CASES.values(), ids=CASES.keys())
@pytest.mark.filterwarnings("ignore:overflow")
def test_errors(call: Callable[[Path], Any], chinese_text: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught:
        call(tmp_path)
    told = chinese.translated(caught.value)
    assert told is not None, str(caught.value)
    assert re.search(chinese_text, told), f"{caught.value!s}\n{told}"
    assert "None" not in re.sub(r"\(None,|x\[None\]", "", told) and "{" not in told


def test_what_is_not_known_stays_english() -> None:
    assert chinese.translated(ValueError("something else")) is None


@pytest.mark.parametrize("piece", ["0.123 ", "layer 'x' ", "x has 3 images but ", "a/b is ", "/ cannot be read as "])
def test_long_messages_take_no_time(piece: str) -> None:
    """Any library's error comes by here."""
    started = time.perf_counter()
    chinese.translated(ValueError(piece * (100_000 // len(piece))))
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"FASTNN_LANG": "zh"}, True),
        ({"FASTNN_LANG": "zh_CN"}, True),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LC_ALL": "zh_TW.UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, False),
        ({"FASTNN_LANG": "en", "LANG": "zh_CN.UTF-8"}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({}, False),
    ],
)
def test_who_wants_it(environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FASTNN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert chinese.wanted() == wanted


def python(folder: Path, *words: str, encoding: str = "utf-8", language: str = "zh") -> tuple[str, str]:
    """What a process prints to its output and to its errors."""
    done = processes.python(*words, cwd=folder, encoding=encoding, FASTNN_LANG=language)
    return done.stdout, done.stderr


def test_commands(tmp_path: Path) -> None:
    words = ("-m", "fastnn.train", "--data", "nowhere")
    english = "fastnn.train: error: data folder 'nowhere' does not exist\n"
    assert python(tmp_path, *words)[1] == english + "数据文件夹“nowhere”不存在\n"
    assert python(tmp_path, *words, encoding="gbk")[1] == english + "数据文件夹“nowhere”不存在\n"
    assert python(tmp_path, *words, encoding="ascii")[1] == english
    assert python(tmp_path, *words, language="en")[1] == english


def test_scripts(tmp_path: Path) -> None:
    """Below their traceback."""
    script = "import fastnn as torch\ntorch.ones(3, requires_grad=True).backward()"
    error = python(tmp_path, "-c", script)[1].splitlines()
    assert error[-2].startswith("RuntimeError: backward() needs a scalar, this tensor has shape (3,)")
    assert error[-1] == "backward() 需要标量, 这个张量的形状是 (3,): 请先 .mean() 或 .sum()"
    assert "标量" not in python(tmp_path, "-c", script, language="en")[1]


def test_wrong_cases(tmp_path: Path) -> None:
    """As the Chinese tutorial has them; without the cross where the terminal has none, else in English."""
    words = ("-m", "fastnn.train", "--epochs", "1", "--limit", "200", "--seed", "1")
    case = r"错误识别: 预测 = \d 实际 = \d 图片路径 = \S+"
    for encoding, pattern in (("utf-8", f"❌ {case}"), ("gbk", case), ("ascii", r"wrong case: predict = \d y = \d .*")):
        lines = python(tmp_path, *words, encoding=encoding)[0].splitlines()
        found = [line for line in lines if re.fullmatch(pattern, line)]
        assert 0 < len(found) <= 20 and lines[-1].startswith("test accuracy = ")
    assert "wrong case: predict" in (tmp_path / "mnist.pth.wrong.txt").read_text()


def test_streams_without_an_encoding() -> None:
    assert chinese.can_show("abc", io.StringIO()) and not chinese.can_show("猫", io.StringIO())
    assert not chinese.can_show("猫", None)
