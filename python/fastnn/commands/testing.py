"""Testing a network on a data set: every wrong case, and the accuracy."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastnn import chinese
from fastnn.commands import cli
from fastnn.commands.networks import load
from fastnn.data.resident import Resident
from fastnn.data.source import open_test
from fastnn.errors import FormatError, fault_of, retold
from fastnn.io import write_atomic
from fastnn.io.checks import shown_path
from fastnn.nn.labels import predicted_classes
from fastnn.training.console import Console
from fastnn.training.engines import FallbackEngine
from fastnn.training.feed import Feed
from fastnn.training.model_info import ModelInfo
from fastnn.training.network import Network
from fastnn.training.preparation import resident_for, spec_of

# Wrong cases on the screen; all are in the file.
SHOWN = 20


@dataclass(frozen=True)
class TestResult:
    """How a test went: the rows that were wrong, what was said of them, how many there were."""

    wrong: np.ndarray
    predicted: np.ndarray
    total: int

    @property
    def correct(self) -> int:
        return self.total - len(self.wrong)


def opened(args: argparse.Namespace, console: Console) -> tuple[Network, ModelInfo, Resident]:
    """The network in a file, what is known of it, and the data set to test it on, as the options of
    :func:`fastnn.commands.cli.add_tested` say; what is assumed is said.

    Raises:
        FormatError, OSError, ValueError: one cannot be read, or they do not go together.
    """
    cache, reading = cli.cache_of(args), cli.reading_options(args)
    reading |= {"memory": args.memory or "50%", "val_fraction": args.val_fraction, "seed": args.seed}

    def shape(channels: int) -> tuple[int, int, int]:
        return open_test(args.data, channels=channels, cache=cache, **reading).shape

    network, info = load(args.model, args.named, args.input_shape, shape)
    shown = {"progress": console.progress("images read"), "cache": cache, "say": console.warn}
    resident = resident_for(args.data, network, info, args.on_bad_image, **shown, **reading)
    say_assumed(args.model, spec_of(network, info).assumed, console)
    return network, info, resident


def say_assumed(model: str, assumed: Sequence[str], console: Console) -> None:
    """What a model file does not tell, and what is taken for granted instead."""
    if assumed:
        form = ("{} does not tell all of its network. Assumed: {}", "{} 没有完整记录网络结构, 按以下假设处理: {}")
        console.warn(chinese.noted(*form).format(shown_path(model), "; ".join(assumed)))


def outputs_of(
    model: str, network: Network, info: ModelInfo, feed: Feed, engine: FallbackEngine | None = None
) -> np.ndarray:
    """What the network in a file gives for images. engine: the network's, of several calls.

    Raises:
        FormatError: it takes no such images, or gives something else than the file says.
    """
    try:
        outputs = (engine or FallbackEngine("plan", network)).outputs(feed)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        text = f"{shown_path(model)}: its network does not take images {feed.x.shape[1:]}, as described: {error}"
        raise retold(FormatError(text), fault_of(error)) from error
    described = info.output_count or info.class_count
    if outputs.shape[1:] != (described,):
        what = f"{shown_path(model)}: its network gives outputs {outputs.shape[1:]} of an image"
        raise FormatError(f"{what}, its description says {described}")
    return outputs


def test(outputs: np.ndarray, data: Resident) -> TestResult:
    """Classifies every image, by a network's outputs."""
    predicted = predicted_classes(outputs)
    return TestResult(np.flatnonzero(predicted != data.targets), predicted, len(data))


def report_test(
    result: TestResult, data: Resident, wrong_file: str, console: Console, more: Sequence[str] = ()
) -> None:
    """Prints and files the wrong cases, more lines, and the accuracy last."""
    console.line(f"test_dataset length: {result.total}")
    lines = [
        f"wrong case: predict = {_named(result.predicted[i], data.classes)} "
        f"y = {_named(data.targets[i], data.classes)} img_path = {shown_path(data.names[i])}"
        for i in result.wrong
    ]
    shown = 5 if data.shape[0] == 3 else SHOWN  # of photographs: the result stays on the screen
    for i, line in zip(result.wrong[:shown], lines, strict=False):
        named = (_named(label, data.classes) for label in (result.predicted[i], data.targets[i]))
        console.line(chinese.wrong_case(*named, shown_path(data.names[i]), console.stream) or line)
    if lines or os.path.exists(wrong_file):  # the list of an earlier run must not stay
        with console.going_on():
            write_atomic(wrong_file, ["".join(line + "\n" for line in lines).encode()])
            above = f"; the first {shown} are above" if len(lines) > shown else ""
            console.line(f"{len(lines)} wrong cases: {shown_path(wrong_file)}{above}")
    for line in more:
        console.line(line)
    share = f"{result.correct / result.total:.3f}"
    console.line(f"test accuracy = {result.correct} / {result.total} = {share}", important=True, result=f"= {share}")


def _named(label: int, classes: Sequence[str]) -> str:
    """7, or 3 (zebra) where the class's name is not its number."""
    name = classes[label] if label < len(classes) else ""
    return str(label) if name in ("", str(label)) else f"{label} ({shown_path(name)})"
