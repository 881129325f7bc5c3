"""What is inside of a network, on the page: what the first layer looks for, what convolutions find in some images."""

from __future__ import annotations

from math import prod

import numpy as np

from fastnn.chinese import either
from fastnn.data.resident import Resident
from fastnn.html.markup import Html, tag
from fastnn.html.pictures import SPRITE_COLUMNS, SignedPictures, case_picture
from fastnn.nn.module import Module
from fastnn.reporting.filters import Convolution, convolutions, reduced, spread

_SPRITE_WIDTH, _TILE_WIDTH = 928, 96  # at most, in CSS pixels
_MOST_LAYERS = 8  # whose maps are shown: ResNet-34 has 36 convolutions
_MOST_MAPS = SPRITE_COLUMNS  # of one layer: a row
_MOST_MAP_PIXELS = 56  # of a map's longer side: a row of 16 is as wide as the page
_IMAGES = 2


def seen_by(model: Module, data: Resident, rows: list[int]) -> list[Convolution]:
    """The convolutions of a model, with their maps of some images of a data set."""
    if not any(param.dim() == 4 for param in model.parameters()):
        return []
    return convolutions(model, data.batch(np.array(rows, dtype=np.int64))[0])


def examples(data: Resident) -> list[int]:
    """The rows of a data set's first images, of different classes."""
    _, first = np.unique(data.targets, return_index=True)
    return sorted(first.tolist())[:_IMAGES]


def first_layer(model: Module, data: Resident, found: list[Convolution], names: list[str]) -> list[Html]:
    """The first layer's weights as images, where they are of pixels; nothing otherwise.

    found: the model's convolutions. names: of the classes.
    """
    if found:
        return _filters(found[0])
    weights = [param._to_read() for param in model.parameters()]
    if not weights or weights[0].ndim != 2 or weights[0].shape[1] != prod(data.shape):
        return []
    pictures = SignedPictures(weights[0], data.shape)
    single = len(weights) <= 2 and len(weights[0]) == len(names)
    of = _of(len(pictures), len(weights[0]))
    units = either(f"what each hidden unit looks for ({of})", f"每个隐藏单元在寻找什么 ({of})")
    what = either("each class's evidence", "每个类别的依据") if single else units
    first = either("The weights of the first layer as images of its input", "第一层的权重, 画成输入图片的样子")
    caption = f"{first}: {what}{_stop()}{_scale(pictures, data.shape[0])}"
    if single:
        items = [_evidence(pictures, unit, names[unit]) for unit in range(len(pictures))]
        return [tag("p", caption, class_="soft"), tag("div", *items, class_="evidence")]
    alt = either(f"weights of {len(pictures)} units", f"{len(pictures)} 个单元的权重")
    return [tag("p", caption, class_="soft"), _sprite(pictures, alt, aria_labelledby="weights-title")]


def _filters(first: Convolution) -> list[Html]:
    outputs, channels, height, width = first.filters.shape
    pictures = SignedPictures(first.filters, (channels, height, width), in_colour=channels == 3)
    scale = _colours(pictures) if channels == 3 else _scale(pictures, 1)
    of, size = _of(len(pictures), outputs), _size(height, width)
    what = either(
        f"The filters of {first.name} ({of}), {size} weights each: what the first convolution looks for at every place "
        "of an image",
        f"{first.name} 的卷积核 ({of}), 每个 {size}: 第一个卷积层在图片各处寻找什么",
    )
    caption = f"{what}{_stop()}{scale}"
    alt = f"{either('filters of', '卷积核')} {first.name}: {len(pictures)}"
    return [tag("p", caption, class_="soft"), _sprite(pictures, alt, aria_labelledby="weights-title")]


def feature_maps(found: list[Convolution], data: Resident, rows: list[int], names: list[str]) -> list[Html]:
    """What each convolution found in the images of these rows; nothing for a network that has none."""
    if not found:
        return []
    shown = spread(found, _MOST_LAYERS)
    count, total = len(shown), len(found)
    layers = either("every convolution", "每个卷积层")
    if count < total:
        layers = either(f"{count} of {total} convolutions", f"{total} 个卷积层中的 {count} 个")
    caption = either(
        f"What {layers} found in these images, an image a row: outputs behind the batch norm and the activation, where "
        "these follow. Red is positive, blue negative, white zero; the strongest colours stand for the number beside "
        "the layer's name and beyond.",
        f"{layers}在这些图片里找到了什么, 每张图片一行: 批归一化和激活函数 (如果有) 之后的输出。"
        "红色为正, 蓝色为负, 白色为零; 最深的颜色表示层名旁边的数值及以上。",
    )
    return [
        tag("p", caption, class_="soft"),
        tag("div", *[_example(data, row, names) for row in rows], class_="evidence"),
        *[_maps(each) for each in shown],
    ]


def _example(data: Resident, row: int, names: list[str]) -> Html:
    picture, name = case_picture(data.images[row]), names[int(data.targets[row])]
    size = {"width": picture.width, "height": picture.height}
    image = tag("img", src=picture.address, **size, alt=f"{either('image of', '图片:')} {name}", class_=picture.style)
    return tag("figure", image, tag("figcaption", tag("bdi", name)))


def _maps(layer: Convolution) -> Html:
    images, count, height, width = layer.maps.shape
    maps = reduced(layer.maps[:, :_MOST_MAPS], _MOST_MAP_PIXELS)
    pictures = SignedPictures(maps.reshape(-1, *maps.shape[2:]), (1, *maps.shape[2:]))
    columns = maps.shape[1]
    of, size, most = _of(columns, count), _size(height, width), f"±{pictures.strongest:.2g}"
    words = either(f": {of} maps of {size}, strongest colours {most}", f": {of}, {size}, 最深的颜色表示 {most}")
    alt = either(
        f"{columns} maps of {layer.name} of {images} images", f"{layer.name} 的 {columns} 个特征图, {images} 张图片"
    )
    sprite = _sprite(pictures, alt, columns, aria_label=layer.name)
    return tag("figure", tag("figcaption", tag("b", layer.name), words), sprite, class_="maps")


def _of(shown: int, count: int) -> str:
    if shown == count:
        return either(f"all {count}", f"全部 {count} 个")
    return either(f"the first {shown} of {count}", f"{count} 个中的前 {shown} 个")


def _stop() -> str:
    return either(". ", "。")


def _size(height: int, width: int) -> str:
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def _colours(pictures: SignedPictures) -> str:
    most = f"±{pictures.strongest:.2g}"
    return either(
        "In the colours that they look for: grey is zero, more of a colour positive, less of it negative; "
        f"the strongest colours stand for {most} and beyond.",
        f"用它们寻找的颜色画出: 灰色为零, 比灰色亮为正, 暗为负; 最深的颜色表示 {most} 及以上。",
    )


def _scale(pictures: SignedPictures, channels: int) -> str:
    most = f"±{pictures.strongest:.2g}"
    planes = either(" Red, green and blue planes lie side by side.", "红、绿、蓝三层并排。") if channels == 3 else ""
    scale = either(
        "Red is positive, blue negative, white zero; "
        f"the strongest colours stand for {most} and beyond, in every image.",
        f"红色为正, 蓝色为负, 白色为零; 每张图里最深的颜色都表示 {most} 及以上。",
    )
    return scale + planes


def _sprite(pictures: SignedPictures, alt: str, columns: int = SPRITE_COLUMNS, **label: str) -> Html:
    """All pictures in one image, as large as the page has room for; where it has not, it is scrolled."""
    sprite = pictures.sprite(columns)
    times = max(1, min(_SPRITE_WIDTH // sprite.width, _TILE_WIDTH // pictures.width))
    size = {"width": times * sprite.width, "height": times * sprite.height}
    image = tag("img", class_="sprite", src=sprite.address, alt=alt, **size)
    return tag("div", image, class_="scroll", tabindex="0", role="region", **label)


def _evidence(pictures: SignedPictures, unit: int, name: str) -> Html:
    picture = pictures.single(unit)
    image = tag(
        "img",
        src=picture.address,
        width=picture.width,
        height=picture.height,
        alt=f"{either('weights of', '权重:')} {name}",
    )
    return tag("figure", image, tag("figcaption", tag("bdi", name)))
