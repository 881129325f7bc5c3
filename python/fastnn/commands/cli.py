"""What the commands share: options with suggestions, errors as one line, exit codes.

Exit codes: 0 done, 2 something the user can mend, 1 a fault in fastnn, 130 and 143 after SIGINT and SIGTERM, 141
where nobody reads the output any more.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fastnn import chinese
from fastnn.commands.settings import parse_shape
from fastnn.commands.signals import Interrupted, Signals
from fastnn.platform import BROKEN_PIPE, fill_standard_descriptors
from fastnn.text import RED, did_you_mean, lost, nearest, offer, say, way
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


MAX_THREADS = 4096  # of the core: cpp/core/parallel.h


class _Help(argparse.HelpFormatter):
    """Shows texts in the user's language, and defaults where there is one worth showing."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, spoken("usage: \n用法: ") if prefix is None else prefix)

    def _get_help_string(self, action: argparse.Action) -> str:
        text = spoken(action.help or "")
        hidden = any(action.default is value for value in (None, False, argparse.SUPPRESS)) or "%(default)" in text
        return text if hidden else text + spoken(" (default: %(default)s)\n (默认: %(default)s)")

    def _split_lines(self, text: str, width: int) -> list[str]:
        return chinese.wrapped(text, width) or super()._split_lines(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        text = spoken(text)
        return "\n".join(chinese.wrapped(text, width)) or super()._fill_text(text, width, indent)


def spoken(text: str) -> str:
    """A text that has its Chinese form in a second line, in the user's language."""
    english, _, other = text.partition("\n")
    return chinese.either(english, other, sys.stdout) if other else english


class Parser(argparse.ArgumentParser):
    """argparse, with texts in the user's language (``help="English\\n中文"``, so descriptions), a suggestion for an
    unknown option and one-line errors. prog: ``fastnn.NAME``, shown as it was started.
    """

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(
            prog=started(prog), formatter_class=_Help, allow_abbrev=False, add_help=False, exit_on_error=False, **kwargs
        )
        self._positionals.title, self._optionals.title = spoken("arguments\n参数"), spoken("options\n选项")
        self.add_argument("-h", "--help", action="help", help="show this text and end\n显示这段说明")
        self.add_argument(
            "--traceback",
            action="store_true",
            help="show where in the code an error was raised\n出错时显示它来自哪一行代码",
        )

    def parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """All arguments, or exit code 2 with what is wrong."""
        try:
            args, unknown = self.parse_known_args(argv)
        except argparse.ArgumentError as error:
            reason = chinese.by_form(error.message)
            self.error(str(error), f"{error.argument_name} 的值不对" + (f": {reason}" if reason else ""))
        if unknown:
            self._unknown(unknown[0])
        return args

    def _unknown(self, word: str) -> NoReturn:
        name = word.split("=")[0]
        if not name.startswith("-"):
            self.error(f"unexpected argument {word!r}", f"多余的参数 {word}")
        meant = "".join(f" (是不是 {option}?)" for option in nearest(name, self.options()))
        hint = did_you_mean(name, self.options())
        self.error(f"unknown option {name!r}{hint} (see {self.prog} --help)", f"没有选项 {name}{meant}")

    def options(self) -> list[str]:
        """All options that it knows."""
        return [option for action in self._actions for option in action.option_strings]

    def error(self, message: str, other: str = "") -> NoReturn:
        """Ends with code 2. other: the same in Chinese."""
        below = chinese.noted("", f"{other or '参数不全'}。用法见 {self.prog} --help\n")
        self.exit(2, f"{self.prog}: error: {message}\n{below}")

    def _print_message(self, message: str, file: Any = None) -> None:
        say(message, file, "error:", RED)


_through_fastnn = False


@contextmanager
def through_fastnn() -> Iterator[None]:
    """In here commands run for ``fastnn NAME``, not for ``python -m fastnn.NAME``."""
    global _through_fastnn
    _through_fastnn = True
    try:
        yield
    finally:
        _through_fastnn = False


def started(prog: str) -> str:
    """How the command ``fastnn.NAME`` was started, for its messages."""
    return prog.replace(".", " ") if _through_fastnn else prog


def at_least(least: int, most: float = math.inf) -> Callable[[str], int]:
    """An argparse type: an integer of at least ``least``, at most ``most``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small; it must be at least {least}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{value} is too large; it must be at most {most}")
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
    add("model", metavar="MODEL", help="a .pth or .safetensors file\n模型文件 (.pth 或 .safetensors)")
    add_named(add)
    add(
        "--data",
        default="digits",
        metavar="PATH|digits|mnist",
        help="its test half is used; its only half where there is but one\n数据: 用其中的测试部分, 只有一部分时就用它",
    )
    add_fraction(
        add,
        "test on the share of each class that the training with the same --seed held out\n"
        "用训练时 (--seed 相同) 从每类留出的这一部分来测试",
    )
    add(
        "--seed",
        type=int,
        default=0,
        help="decides what --val-fraction holds out\n随机种子, 决定 --val-fraction 留出哪些",
    )
    add_reading(add)
    add_on_bad_image(add, "error", "skip", "list")
    add_cache(parser)


def add_named(add: Callable[..., argparse.Action]) -> None:
    """Which network a file is of: what :func:`fastnn.commands.networks.load` takes."""
    add(
        "--model",
        dest="named",
        type=model_name,
        metavar="NAME|MODULE:CLASS",
        help=f"whose tensors the file has, where it does not tell: {', '.join(MODELS)}, or a class of your own\n"
        "文件没有说明网络时, 它是哪个网络的参数",
    )
    add(
        "--input-shape",
        type=parse_shape,
        metavar="CxHxW",
        help="of one input, where the file does not tell\n一个输入的形状, 文件里没有时需要",
    )


def add_images(parser: argparse.ArgumentParser) -> None:
    """Which images are read, and how: what :func:`image_options` gives :func:`fastnn.data.source.open_source`."""
    add = parser.add_argument
    add("--resize", metavar="WxH", help="scale every image to this size\n把每张图片缩放到这个大小 (宽x高)")
    add(
        "--size",
        type=at_least(1),
        metavar="N",
        help="scale every image until its shorter side is N, and cut NxN out of the middle; in colour\n"
        "把图片的短边缩放到 N, 再从中间裁出 NxN; 彩色",
    )
    add_fraction(
        add,
        "hold this share of each class out for the validation, by --seed: the same files on every machine\n"
        "按 --seed 从每类留出这一部分来验证: 每台机器留出的文件都相同",
    )
    add_reading(add)
    add(
        "--limit",
        type=at_least(1),
        metavar="N",
        help="use N training and N test images only, evenly over the classes\n训练和测试各只用 N 张图片, 各类一样多",
    )
    add_on_bad_image(add, "error", "skip", "list")


def add_on_bad_image(add: Callable[..., argparse.Action], *choices: str) -> None:
    """The option for files that cannot be read."""
    what = "stop, leave them out" + (", or name them all" if "list" in choices else "")
    chinese = "停止、跳过或全部列出" if "list" in choices else "停止或跳过"
    text = f"what to do about files that cannot be read: {what}\n遇到读不了的图片文件时: {chinese}"
    add("--on-bad-image", choices=choices, default="error", help=text)


def add_fraction(add: Callable[..., argparse.Action], text: str) -> None:
    """The option for a part that is split off by a seed."""
    add("--val-fraction", type=positive_float, metavar="F", help=text)


def add_reading(add: Callable[..., argparse.Action]) -> None:
    """How photographs are read: what :func:`reading_options` gives :func:`fastnn.data.source.open_test`."""
    add(
        "--labels-from-name",
        action="store_true",
        help="files named CLASS.NUMBER.EXT instead of class folders (found where all have such names)\n"
        "文件名是 类别.编号.扩展名, 不用类别文件夹 (全部如此命名时自动识别)",
    )
    add(
        "--exif",
        action="store_true",
        help="turn photographs upright whose camera was not held so\n按 EXIF 信息把照片转正",
    )
    add(
        "--memory",
        metavar="SIZE|N%",
        help="what images may take of it before they are read from a file: 2G, or 50%% of what is free (default: 50%%)"
        ""
        "\n图片最多占用的内存, 超出时从文件读取: 2G, 或空闲内存的 50%% (默认 50%%)",
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
    add(
        "--cache",
        metavar="DIR|off",
        help="where decoded images are kept for the next run (fastnn's cache folder)\n"
        "把解码后的图片缓存在哪里, 供下次使用 (默认: fastnn 的缓存文件夹)",
    )
    add(
        "--trust-cache",
        action="store_true",
        help="look at the times of the folders only, not of each file\n只检查文件夹的修改时间, 不检查每个文件",
    )


def add_threads(add: Callable[..., argparse.Action]) -> None:
    """The option for how many threads compute."""
    text = "how many threads to use (as many as processors)\n使用多少个线程 (默认与处理器一样多)"
    add("--threads", type=at_least(1, MAX_THREADS), metavar="N", help=text)


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
    prog = parser.prog
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
    text = "; ".join([_words(error), *getattr(error, "__notes__", ())])
    if not users:
        text = f"internal error: {type(error).__name__}: {text} (a fault in fastnn; --traceback shows where)"
    say(f"{prog}: error: {text}\n" + chinese.beside(error, sys.stderr), sys.stderr, "error:", RED)
    return 2 if users else 1


def _words(error: Exception) -> str:
    """What an exception says, as a sentence: paths first, no error numbers."""
    text = _text_of(error)
    if isinstance(error, MemoryError):
        known = ("--arch", "--model", "--size", "--batch-size", "--limit", "--memory")
        *some, last = [option for option in known if way(option, "")] or [""]
        advice = " or ".join(filter(None, (", ".join(some), last)))
        return f"out of memory: {text}" + (f"; try a smaller {advice}" if advice else "")
    if isinstance(error, OSError) and error.strerror:
        from fastnn.io.checks import shown_path

        return error.strerror if error.filename is None else f"{shown_path(error.filename)}: {error.strerror}"
    return text
