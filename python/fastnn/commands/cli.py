"""What the commands share: options with suggestions, errors as one line, exit codes.

Exit codes: 0 done, 2 something the user can mend, 1 a fault in fastnn, 130 and 143 after SIGINT and SIGTERM, 141
where nobody reads the output any more.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fastnn import chinese
from fastnn.commands.signals import Interrupted, Signals
from fastnn.platform import BROKEN_PIPE, fill_standard_descriptors
from fastnn.text import did_you_mean, lost, offer, say, way
from fastnn.training.console import clear_line

if TYPE_CHECKING:
    from fastnn.data.packed import PackCache

# Of fastnn.models, which is imported where it is used: images (C, H, W) and classes that they are made for; for ResNets
# small photographs.
MODELS: dict[str, tuple[tuple[int, int, int], int]] = {
    "lenet": ((3, 64, 64), 2),
    "lenet5": ((1, 28, 28), 10),
    "resnet18": ((3, 64, 64), 1000),
    "resnet34": ((3, 64, 64), 1000),
    "small_cnn": ((3, 32, 32), 10),
    "small_resnet": ((3, 64, 64), 2),
}


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, where there is one worth showing."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        shown = action.default is not None and action.default is not False
        return super()._get_help_string(action) if shown else action.help


class Parser(argparse.ArgumentParser):
    """argparse, with a suggestion for an unknown option and one-line errors."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=_Help, allow_abbrev=False, **kwargs)
        self.add_argument("--traceback", action="store_true", help="show where in the code an error was raised")

    def parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """All arguments, or exit code 2 with what is wrong."""
        args, unknown = self.parse_known_args(argv)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return args

    def _unknown(self, word: str) -> str:
        name = word.split("=")[0]
        if not name.startswith("-"):
            return f"unexpected argument {word!r}"
        return f"unknown option {name!r}{did_you_mean(name, self.options())} (see {self.prog} --help)"

    def options(self) -> list[str]:
        """All options that it knows."""
        return [option for action in self._actions for option in action.option_strings]

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        say(message, file)


def at_least(least: int) -> Callable[[str], int]:
    """An argparse type: an integer of at least ``least``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small; it must be at least {least}")
        return value

    return parse


def positive_float(text: str) -> float:
    """An argparse type: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be above 0 and finite")
    return value


def from_0(below: float = math.inf) -> Callable[[str], float]:
    """An argparse type: a number from 0 on that is below a limit."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not 0 <= value < below:
            limit = f"below {below:g}" if below < math.inf else "finite"
            raise argparse.ArgumentTypeError(f"{text} must be at least 0 and {limit}")
        return value

    return parse


def model_name(text: str) -> str:
    """An argparse type: a network of MODELS, or MODULE:CLASS, one's own (:mod:`fastnn.commands.networks`)."""
    where, separator, name = text.rpartition(":")
    if text not in MODELS and not (where and separator and name.isidentifier()):
        known = f"{', '.join(MODELS)}, or MODULE:CLASS of your own, such as mynet.py:Net"
        raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {known}){did_you_mean(text, MODELS)}")
    return text


def add_tested(parser: argparse.ArgumentParser) -> None:
    """A saved network and the data to test it on: what :func:`fastnn.commands.testing.opened` reads."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a .pth or .safetensors file")
    add_named(add)
    add(
        "--data",
        default="digits",
        metavar="PATH|digits|mnist",
        help="its test half is used; its only half where there is but one",
    )
    add_fraction(add, "test on the share of each class that the training with the same --seed held out")
    add("--seed", type=int, default=0, help="decides what --val-fraction holds out")
    add_reading(add)
    add("--on-bad-image", choices=("error", "skip", "list"), default="error")
    add_cache(parser)


def add_named(add: Callable[..., argparse.Action]) -> None:
    """Which network a file is of: what :func:`fastnn.commands.networks.load` takes."""
    add(
        "--model",
        dest="named",
        type=model_name,
        metavar="NAME|MODULE:CLASS",
        help=f"whose tensors the file has, where it does not tell: {', '.join(MODELS)}, or a class of your own",
    )


def add_images(parser: argparse.ArgumentParser) -> None:
    """Which images are read, and how: what :func:`image_options` gives :func:`fastnn.data.source.open_source`."""
    add = parser.add_argument
    add("--resize", metavar="WxH", help="scale every image to this size")
    add(
        "--size",
        type=at_least(1),
        metavar="N",
        help="scale every image until its shorter side is N, and cut NxN out of the middle; in colour",
    )
    add_fraction(
        add, "hold this share of each class out for the validation, by --seed: the same files on every machine"
    )
    add_reading(add)
    add("--limit", type=at_least(1), metavar="N", help="use N training and N test images only, evenly over the classes")
    add(
        "--on-bad-image",
        choices=("error", "skip", "list"),
        default="error",
        help="what to do about files that cannot be read",
    )


def add_fraction(add: Callable[..., argparse.Action], text: str) -> None:
    """The option for a part that is split off by a seed."""
    add("--val-fraction", type=positive_float, metavar="F", help=text)


def add_reading(add: Callable[..., argparse.Action]) -> None:
    """How photographs are read: what :func:`reading_options` gives :func:`fastnn.data.source.open_test`."""
    add(
        "--labels-from-name",
        action="store_true",
        help="files named CLASS.NUMBER.EXT instead of class folders (found where all have such names)",
    )
    add("--exif", action="store_true", help="turn photographs upright whose camera was not held so")
    add(
        "--memory",
        metavar="SIZE|N%",
        help="what images may take of it before they are read from a file: 2G, or 50%% of what is free (default: 50%%)",
    )


def reading_options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments that the options of :func:`add_reading` give."""
    return {"labels_from_name": args.labels_from_name or None, "exif": args.exif, "memory": args.memory}


def image_options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of :func:`fastnn.data.source.open_source` that the options of :func:`add_images` give.

    Raises:
        ValueError: a size that is none.
    """
    from fastnn.commands.settings import parse_size

    return {
        "resize": parse_size(args.resize),
        "size": args.size,
        "val_fraction": args.val_fraction,
        **reading_options(args),
        "limit": args.limit,
        "on_bad": args.on_bad_image,
    }


def add_cache(parser: argparse.ArgumentParser) -> None:
    """The options on decoded images kept between runs."""
    add = parser.add_argument
    add("--cache", metavar="DIR|off", help="where decoded images are kept for the next run (fastnn's cache folder)")
    add("--trust-cache", action="store_true", help="look at the times of the folders only, not of each file")


def cache_of(args: argparse.Namespace) -> PackCache | None:
    """The cache that the options of :func:`add_cache` name.

    Raises:
        ValueError: a cache to be trusted and none to be used.
    """
    if args.cache == "off":
        if args.trust_cache:
            raise ValueError("--trust-cache needs a cache, and --cache is off")
        return None
    from fastnn.data.packed import PackCache
    from fastnn.data.paths import cache_folder

    try:
        return PackCache(Path(args.cache).expanduser() if args.cache else cache_folder(), args.trust_cache)
    except RuntimeError:  # no home folder is known: nothing is kept
        return None


def run(
    prog: str,
    function: Callable[[argparse.Namespace, Signals], int],
    parser: Parser,
    argv: Sequence[str] | None,
    shows_all: bool = True,
) -> int:
    """Parses, runs, and turns every exception into one line and an exit code.

    shows_all: what the command prints is all that comes of it, so that it has failed where that could not be written.
    """
    fill_standard_descriptors()
    args = parser.parse(argv)
    signals = Signals()
    offer(parser.options())
    try:
        signals.install()
        return _guarded(prog, function, args, signals) or (2 if shows_all and lost(sys.stdout) else 0)
    except Interrupted as stop:
        clear_line(sys.stdout)
        return 128 + stop.number
    finally:
        offer(None)
        signals.restore()
        _leave_full_streams()


def _leave_full_streams() -> None:
    """What a full disk has not taken is not tried again when the interpreter ends, which would make a fault of it."""
    if lost(sys.stdout):
        sys.stdout = None
    if lost(sys.stderr):
        sys.stderr = None


def _guarded(
    prog: str, function: Callable[[argparse.Namespace, Signals], int], args: argparse.Namespace, signals: Signals
) -> int:
    try:
        return function(args, signals)
    except BrokenPipeError:
        sys.stdout = None  # nobody reads any more: nothing to flush at exit
        return BROKEN_PIPE
    except Exception as error:
        signals.check()  # compiled code that a signal interrupts may turn our exception into one of its own
        return report(prog, error, args.traceback)


def _text_of(error: Exception) -> str:
    """An error's message, without the number that OSError puts before it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def report(prog: str, error: Exception, traceback: bool) -> int:
    """Prints an error as one line; its exit code."""
    from fastnn.errors import NonFiniteLossError, told

    if traceback:
        import traceback as tb

        say("".join(tb.format_exception(error)), sys.stderr)
    clear_line(sys.stdout)
    users = isinstance(error, ValueError | OSError | MemoryError | NonFiniteLossError | ImportError)
    if isinstance(error, MemoryError):
        told(error, "memory.full")
    text = _words(error)
    if not users:
        text = f"internal error: {type(error).__name__}: {text} (a fault in fastnn; --traceback shows where)"
    say(f"{prog}: error: {text}\n" + chinese.beside(error, sys.stderr), sys.stderr)
    return 2 if users else 1


def _words(error: Exception) -> str:
    """What an exception says, as a sentence: paths first, no error numbers."""
    text = _text_of(error)
    if isinstance(error, MemoryError):
        *some, last = [*filter(None, (way(option, "") for option in ("--arch", "--batch-size", "--limit"))), ""][:3]
        advice = f"{', '.join(some)} or {last}" if some and last else "".join(some)
        return f"out of memory: {text}" + (f"; try a smaller {advice}" if advice else "")
    if isinstance(error, OSError) and error.strerror:
        from fastnn.io.checks import shown_path

        return error.strerror if error.filename is None else f"{shown_path(error.filename)}: {error.strerror}"
    return text
