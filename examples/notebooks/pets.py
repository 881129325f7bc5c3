"""Drawn cats and dogs, for where there are no photographs: pointed ears and whiskers, or hanging ears and a tongue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64


def draw_pets(folder: Path, train: int = 400, test: int = 100, seed: int = 0) -> Path:
    """Writes ``train/cat/000.png``, ``test/dog/000.png``, ...: so many pictures, half of them cats. What is newer
    than this file stays."""
    random = np.random.RandomState(seed)
    for part, count in (("train", train), ("test", test)):
        for name, draw in (("cat", cat), ("dog", dog)):
            place = folder / part / name
            place.mkdir(parents=True, exist_ok=True)
            for number in range(count // 2):
                picture = picture_of(random, draw)
                path = place / f"{number:03}.png"
                if not path.exists() or path.stat().st_mtime < Path(__file__).stat().st_mtime:
                    picture.save(path)
    return folder


def picture_of(random: np.random.RandomState, draw: object) -> Image.Image:
    """One animal, of any colour on any ground, a little turned, in another place each time."""
    ground, fur = (tuple(random.randint(60, 256, 3).tolist()) for _ in range(2))
    picture = Image.new("RGB", (2 * SIDE, 2 * SIDE), ground)  # twice as large, so that edges become soft
    size, middle = random.randint(30, 44), random.randint(52, 76, 2)
    draw(ImageDraw.Draw(picture), *middle.tolist(), size, fur)  # type: ignore[operator]
    picture = picture.rotate(random.uniform(-20, 20), Image.Resampling.BILINEAR, fillcolor=ground)
    noise = random.normal(0, 10, (SIDE, SIDE, 3))
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float64)
    return Image.fromarray((small + noise).clip(0, 255).astype(np.uint8))


def head(pen: ImageDraw.ImageDraw, x: int, y: int, r: int, fur: tuple[int, ...]) -> None:
    pen.ellipse((x - r, y - r * 0.85, x + r, y + r * 0.85), fur)
    for side in (-1, 1):
        eye = x + side * r * 0.4, y - r * 0.15
        pen.ellipse((eye[0] - r * 0.13, eye[1] - r * 0.13, eye[0] + r * 0.13, eye[1] + r * 0.13), "black")


def cat(pen: ImageDraw.ImageDraw, x: int, y: int, r: int, fur: tuple[int, ...]) -> None:
    for side in (-1, 1):
        ear = [(0.95, 1.3), (0.9, 0.2), (0.25, 0.7)]
        pen.polygon([(x + side * r * right, y - r * up) for right, up in ear], fur)
    head(pen, x, y, r, fur)
    pen.polygon([(x - r * 0.1, y + r * 0.2), (x + r * 0.1, y + r * 0.2), (x, y + r * 0.32)], "pink")
    for side in (-1, 1):
        for up in (-0.15, 0.0, 0.15):
            pen.line((x + side * r * 0.2, y + r * 0.3, x + side * r * 1.1, y + r * (0.3 + 2 * up)), "black", 1)


def dog(pen: ImageDraw.ImageDraw, x: int, y: int, r: int, fur: tuple[int, ...]) -> None:
    head(pen, x, y, r, fur)
    dark = tuple(value * 6 // 10 for value in fur)
    for side in (-1, 1):
        ear = sorted((x + side * r * 0.7, x + side * r * 1.15))
        pen.ellipse((ear[0], y - r * 0.75, ear[1], y + r * 0.65), dark)
    pen.ellipse((x - r * 0.35, y + r * 0.05, x + r * 0.35, y + r * 0.6), "white")
    pen.ellipse((x - r * 0.18, y + r * 0.02, x + r * 0.18, y + r * 0.28), "black")
    pen.ellipse((x - r * 0.12, y + r * 0.5, x + r * 0.12, y + r * 0.95), "tomato")
