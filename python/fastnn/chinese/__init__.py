"""Errors in Chinese, beside the English ones: for ``FASTNN_LANG=zh``, or a Chinese locale.

The English message stays as it is, so that it can be searched for; :func:`translated` tells the same in Chinese, with
the names and numbers of that message.
"""

from __future__ import annotations

import os
import re
import sys
from types import TracebackType
from typing import TextIO

from fastnn.text import can_show

# What an error says, and that in Chinese. The first pattern found in a message counts.
_PATTERNS = (
    # data folders
    (r"data folder '(.+)' does not exist(?: \(did you mean '(.+)'\?\))?", "数据文件夹“{0}”不存在{?1:(是不是“{1}”?)}"),
    (r"data folder '(.+)' is a file, not a folder", "“{0}”是文件, 不是数据文件夹"),
    (
        r"found (?:no class folders in|0 images in (\d+) class folders under) '(.+?)'",
        "在“{1}”里没有找到{?0: {0} 个类别文件夹中的任何}图片: 图片要放成“{1}/<类别>/<图片>”",
    ),
    (
        r"class ('.+?') has no images: (.+?)[.;]",
        "类别 {0} 里没有图片: {1}。请删除这个空文件夹, 或使用 allow_empty=True",
    ),
    (
        r"the test data has class ('.+?') \(index (\d+) there\) that training lacks",
        "测试数据里有训练数据没有的类别 {0} (序号 {1}), 标签会错位: 两边的类别文件夹必须一样",
    ),
    (
        r"the test data lacks class ('.+?') that training has",
        "测试数据里缺少训练数据有的类别 {0}, 标签会错位: 两边的类别文件夹必须一样",
    ),
    # images
    (
        r"(\S[^\n]*?) (?:cannot be read as an image: )?the file is truncated after ([\d,]+) "
        r"(?:of at least ([\d,]+) )?bytes",
        "图片 {0} 不完整, 只有 {1} 字节{?2: (应至少有 {2} 字节)}: 请删除它, 或加上 --on-bad-image skip",
    ),
    (r"(\S[^\n]*?) cannot be read as an image: (.+)", "无法读取图片 {0} ({1}): 请删除它, 或加上 --on-bad-image skip"),
    (r"(\S[^\n]*?) is empty \(0 bytes\)", "{0} 是空文件 (0 字节)"),
    (r"(\S[^\n]*?) is not an image: starts with (.+?)\. fastnn reads", "{0} 不是图片: 文件开头是 {1}"),
    (
        r"(\S[^\n]*?) claims (\d+) x (\d+) pixels \(([\d,]+)\); the limit is ([\d,]+)",
        "{0} 声称有 {1} x {2} = {3} 个像素, 上限是 {4}: 请缩小或去掉这张图片",
    ),
    (r"images have different sizes.*?: (.+?)\. Use --resize (\S+?),", "图片大小不一致: {0}。请使用 --resize {1}"),
    (
        r"([\d,]+) of ([\d,]+) images cannot be used",
        "{1} 张图片中有 {0} 张不能用: 请删除它们, 或加上 --on-bad-image skip",
    ),
    # IDX files
    (r"(\S[^\n]*?) is not an IDX file: it starts with (.+?), expected", "{0} 不是 IDX 文件: 文件开头是 {1}"),
    (
        r"(\S[^\n]*?) is truncated: header says (\S+) = ([\d,]+) bytes, the file (?:has|holds at most) ([\d,]+)",
        "{0} 不完整: 文件头说有 {1} = {2} 字节, 实际只有 {3} 字节。请重新下载",
    ),
    (
        r"(\S[^\n]*?) has ([\d,]+) images but (\S[^\n]*?) has ([\d,]+) labels",
        "{0} 有 {1} 张图片, 而 {2} 有 {3} 个标签: 它们是一套的吗?",
    ),
    (
        r"MNIST is not there, and fastnn does not download",
        "没有找到 MNIST, fastnn 不会自动下载: 请把上面列出的文件放到所说的文件夹",
    ),
    # labels and numbers
    (
        r"label (-?\d+) at sample ([\d,]+) is outside 0\.\.(\d+): the last layer has (\d+) outputs",
        "第 {1} 个样本的标签 {0} 超出了 0..{2}: 最后一层只有 {3} 个输出",
    ),
    (r"label (-?\d+) at sample ([\d,]+) is outside 0\.\.(\d+)", "第 {1} 个样本的标签 {0} 超出了 0..{2}"),
    (
        r"(\w+) has (\d+) non-finite values, first at sample (\d+), feature (\d+) \((\S+)\)",
        "{0} 里有 {1} 个不是有限数的值, 第一个在样本 {2} 的第 {3} 个特征 ({4}): 请去掉或修正",
    ),
    (
        r"loss became (\S+) at epoch (\d+) step (\d+).*Try a lower learning rate than ([^\s,;]+)",
        "第 {1} 轮第 {2} 步的损失变成了 {0}, 训练已停止: 请用比 {3} 更小的学习率, 或检查这些样本",
    ),
    (r"parameter '(.+?)' has ([\d,]+) non-finite values", "参数“{0}”里有 {1} 个不是有限数的值: 请用更小的学习率"),
    # shapes and types
    (
        r"layer 0 Linear\((\d+)->(\d+)\) got (\d+) features: an image is (\S+)\. Use (--arch \S+),",
        "第一层 Linear({0}->{1}) 收到 {2} 个特征: 图片是 {3} 的。请使用 {4}, 或 --resize 宽x高",
    ),
    (
        r"(?:layer '(.+?)' .*?)?\[linear\] weight has (\d+) inputs.*?, x has shape \((.+?)\): (\d+) features a sample",
        "{?0:层“{0}”}的权重有 {1} 个输入, 而每个样本有 {3} 个特征 (x 的形状是 ({2})): 请改层的大小或输入的大小",
    ),
    (
        r"layer '(.+?)' \((\w+)\) takes inputs of shape (\(.+?\)), x has shape (\(.+?\))",
        "层“{0}”({1}) 的输入形状应是 {2}, 而 x 的形状是 {3}",
    ),
    (r"expected an? .*?array, got (.+)", "需要数字数组, 得到的是 {0}"),
    (r"expected numbers, got an array of (\S+)", "需要数字, 得到的是 {0} 数组"),
    (r"out is read-only", "out 是只读的: 请传入可写的数组 (copy())"),
    (r"out overlaps an input", "out 与输入共用内存: 请给它单独的数组"),
    (r"x has (\d+) samples but y has (\d+)", "x 有 {0} 个样本, y 有 {1} 个: 两者必须一样多"),
    (
        r"data set has (\d+) samples, batch_size is (\d+) and drop_last is on",
        "数据集有 {0} 个样本, batch_size 是 {1}, 又开了 drop_last: 一个批次也没有",
    ),
    (r"batch_size is (\S+?); it must be", "batch_size 是 {0}: 必须是不小于 1 的整数"),
    (r"the (?:data set|batch) is empty", "数据是空的: 没有可以学习的样本"),
    (r"Linear\((\d+) -> (\d+)\) needs (\S+) PiB", "Linear({0} -> {1}) 需要 {2} PiB 内存: 请检查层的大小"),
    # model files
    (r"this state does not fit (\w+): (.+)", "这份参数与模型 {0} 不相符 ({1}): 请用保存时的大小建立模型"),
    (
        r"(\S[^\n]*?) contains Python objects \(first: (.+?)\)",
        "{0} 里有 Python 对象 (第一个: {1}), 不只是张量; fastnn 从不执行文件里的代码。"
        "请在可信的机器上用 torch.save(model.state_dict(), ...) 重新保存",
    ),
    (r"(\S[^\n]*?) is truncated", "{0} 不完整"),
    (r"(\S[^\n]*?): tensor (\S+) is damaged \(checksum\)", "{0}: 张量 {1} 已损坏 (校验和不符)"),
    (r"(\S[^\n]*?) is (?:a )?damaged", "{0} 已损坏"),
    (r"(\S[^\n]*?) could not be saved: (.+?) \(", "无法保存 {0}: {1}"),
    (r"out of memory", "内存不足: 请减小网络或批大小"),
    # training
    (
        r"got no parameters: pass model\.parameters\(\)",
        "优化器没有得到参数: 请传入 model.parameters(), 并把各层赋值为模型的属性",
    ),
    (
        r"backward\(\) needs a scalar, this tensor has shape (\(.*?\)):",
        "backward() 需要标量, 这个张量的形状是 {0}: 请先 .mean() 或 .sum()",
    ),
    (
        r"backward\(\) on a tensor that does not require grad",
        "对不需要梯度的张量调用了 backward(): 它不依赖任何参数 (是在 no_grad() 里算的, 还是 detach() 过?)",
    ),
    (r"backward\(\) a second time", "对同一计算图第二次调用 backward(): 请重新计算损失, 或第一次用 retain_graph=True"),
    (
        r"backward\(\) needs a tensor .* changed in place since",
        "backward() 需要的张量之后被原地修改了 (optimizer.step() 或 += 之类): 请重新计算损失, 或先 clone()",
    ),
    (
        r"labels must be integers \(int64\), got (\S+):",
        "标签必须是整数 (int64), 得到的是 {0}: 要类别序号, 不是 one-hot 或概率",
    ),
    (r"model '(.+?)' is not compiled", "模型“{0}”还没有编译: 请先调用 compile(optimizer, loss)"),
    (r"model '(.+?)' has no loss", "模型“{0}”没有损失函数: 请在 compile 里指定 loss"),
)


# Patterns are searched for in so much of a message: the time grows with the square of its length.
_LONGEST = 600


def wanted() -> bool:
    """Whether messages are to be in Chinese too: ``FASTNN_LANG`` says zh, or says nothing and the locale is Chinese."""
    own = os.environ.get("FASTNN_LANG", "")
    if own:
        return own.lower().startswith("zh")
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return locale.lower().startswith("zh")


def translated(message: str) -> str | None:
    """What an English message says, in Chinese; None where it is not one of those above."""
    start = message[:_LONGEST]
    for pattern, chinese in _PATTERNS:
        found = re.search(pattern, start)
        if found:
            return _filled(chinese, found.groups())
    return None


def _filled(template: str, groups: tuple[str | None, ...]) -> str:
    """A template with a message's parts; {?n:...} is left out where part n is missing."""

    def choice(match: re.Match[str]) -> str:
        return match[2] if groups[int(match[1])] is not None else ""

    text = re.sub(r"\{\?(\d):((?:[^{}]|\{\d\})*)\}", choice, template)
    return text.format(*groups)


def beside(message: str, stream: TextIO | None) -> str:
    """The line in Chinese that goes below a message; nothing where none is wanted, known or can be shown."""
    chinese = translated(message) if wanted() else None
    return f"{chinese}\n" if chinese is not None and can_show(chinese, stream) else ""


def wrong_case(predicted: str, actual: str, path: str, stream: TextIO | None) -> str | None:
    """A wrong case's line as the Chinese tutorial has it; without its cross, or None, where the terminal cannot show
    it.
    """
    line = f"错误识别: 预测 = {predicted} 实际 = {actual} 图片路径 = {path}"
    if not wanted() or not can_show(line, stream):
        return None
    return f"❌ {line}" if can_show("❌", stream) else line


def install() -> None:
    """Uncaught errors of scripts are told in Chinese too, below their traceback."""
    before = sys.excepthook

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        if sys.stderr is not None:
            sys.stderr.write(beside(str(error), sys.stderr))

    sys.excepthook = told
