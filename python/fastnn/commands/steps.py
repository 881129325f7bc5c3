"""The options of ``fastnn.train`` on what the steps are, the recipe that fills what they leave open, and which of them
go together.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeVar

from fastnn.commands import cli

if TYPE_CHECKING:
    from fastnn.commands.settings import Settings
    from fastnn.training.recipes import Recipe

T = TypeVar("T")

# Which optimizers have what others have not.
MOMENTUM, NESTEROV = ("sgd", "rmsprop"), ("sgd",)
NOTHING = {"constant", "none"}  # schedule and augmentation that are none, in the place of a recipe's


def add_steps(parser: cli.Parser) -> None:
    """All of them."""
    add = parser.add_argument
    add(
        "--recipe",
        choices=("tutorial", "fast", "catsdogs"),
        default="tutorial",
        help="values for what is left open: the tutorials'; fast: 98 %% of MNIST (lenet5: 99 %%) in the least time, "
        "at a rate that rises and falls; catsdogs: a network and all else for photographs (default: %(default)s)\n"
        "没有写明的选项用哪一套值: tutorial 教程的; "
        "fast 最快达到 MNIST 98%% (lenet5: 99%%); catsdogs 用于照片 (默认: %(default)s)",
    )
    add(
        "--epochs",
        type=cli.at_least(1),
        metavar="N",
        help="passes over the training images (default: 10; fast: 4)\n训练多少轮 (默认 10; fast: 4)",
    )
    add(
        "--batch-size",
        type=cli.at_least(1),
        metavar="N",
        help="images of a step (default: 64; fast: 250, lenet5: 128)\n每步多少张图片 (默认 64; fast: 250, lenet5: 128)",
    )
    add(
        "--lr",
        type=cli.positive_float,
        help="learning rate (the optimizer's own, Adam's is 1e-3; fast: at most 0.015)\n"
        "学习率 (默认由优化器决定, Adam: 1e-3)",
    )
    add(
        "--schedule",
        choices=("constant", "linear", "onecycle", "cosine", "step"),
        help="how the rate changes over the run, --lr being the highest: onecycle (PyTorch's OneCycleLR) up to it in "
        "30 %% of the steps and down along a cosine; cosine and linear up in 5 %%, down to nothing; step: a tenth from "
        "the middle on, a hundredth in the last quarter (default: constant, or the recipe's)\n"
        "学习率怎样变化, --lr 是最高值: onecycle (同 PyTorch) 在前 30%% 的步里升到最高再按余弦下降; "
        "cosine 和 linear 升 5%% 后降到零; step 从一半起为十分之一, 最后四分之一为百分之一 (默认不变)",
    )
    add(
        "--loss",
        choices=("cross_entropy", "mse", "bce_with_logits"),
        default="cross_entropy",
        help="what is made small\n损失函数",
    )
    add(
        "--seed",
        type=int,
        default=0,
        help="decides initial weights, shuffles and augmentation: the same seed gives the same bits everywhere\n"
        "随机种子, 决定初始权重、打乱和增强: 种子相同, 处处结果相同",
    )
    _add_optimizer(add)
    _add_regularisation(add)


def _add_optimizer(add: Any) -> None:
    add(
        "--optimizer",
        choices=("adam", "adamw", "sgd", "rmsprop"),
        help="how a step changes the weights (default: adam)\n优化器 (默认 adam)",
    )
    add(
        "--weight-decay",
        type=cli.from_0(),
        metavar="W",
        help="draws all parameters to zero, as PyTorch's optimizers do: adamw by itself (default: 0.01), the others "
        "through the gradient (default: 0)\n"
        "权重衰减, 与 PyTorch 相同: adamw 直接衰减 (默认 0.01), 其他的加到梯度上 (默认 0)",
    )
    add(
        "--momentum",
        type=cli.from_0(1),
        metavar="M",
        help="of sgd and rmsprop (default: 0)\n动量, 用于 sgd 和 rmsprop (默认 0)",
    )
    add(
        "--nesterov",
        action=argparse.BooleanOptionalAction,
        help="sgd's momentum in Nesterov's form\nsgd 使用 Nesterov 动量",
    )


def _add_regularisation(add: Any) -> None:
    add(
        "--label-smoothing",
        type=cli.from_0(1),
        metavar="E",
        help="of cross_entropy: this share of each target is spread over all classes (default: 0)\n"
        "标签平滑, 用于 cross_entropy: 目标的这一部分平均分给所有类别 (默认 0)",
    )
    add(
        "--augment",
        choices=("none", "light", "strong"),
        help="training images changed at random, anew each epoch: a little, or a lot (default: none, or the recipe's)\n"
        "数据增强, 每轮重新随机改变训练图片: light 少许, strong 较多 (默认 none)",
    )
    add(
        "--early-stopping",
        type=cli.at_least(1),
        metavar="K",
        help="stop after K epochs without a higher val_accuracy (or, where it is equal, a lower val_loss)\n"
        "早停: 连续 K 轮 val_accuracy 没有提高 (相同时 val_loss 没有降低) 就结束",
    )


def chosen(typed: T | None, recipes: T) -> T:
    """What was typed, where it was; 0 counts."""
    return recipes if typed is None else typed


def settings_of(args: argparse.Namespace) -> Settings:
    """What the options ask for, with the recipe's values where they leave something open; size and channels of the
    images are put into the options.

    Raises:
        ValueError: options that contradict each other.
    """
    from fastnn.commands.settings import Settings, parse_arch
    from fastnn.training.recipes import recipe_for

    recipe = recipe_for(args.model, args.recipe)
    if recipe.model is not None and args.arch is not None:
        raise ValueError(
            f"--arch is of dense networks, recipe {args.recipe} is for photographs: use --model, or leave it out"
        )
    _complete_images(args, recipe)
    model = args.model or recipe.model
    args.out = args.out or f"./{(model or 'mnist').rpartition(':')[2]}.pth"  # one file for each kind of network
    schedule, augment = chosen(args.schedule, recipe.schedule), chosen(args.augment, recipe.augment)
    settings = Settings(
        arch=parse_arch(args.arch or "784-256-10"),
        model=model,
        epochs=args.epochs or recipe.epochs,
        batch_size=args.batch_size or recipe.batch_size,
        lr=args.lr or recipe.lr,
        optimizer=args.optimizer or recipe.optimizer,
        optimizer_options={**recipe.options, **typed_options(args)},
        schedule=None if schedule in NOTHING else schedule,
        loss=args.loss,
        label_smoothing=chosen(args.label_smoothing, recipe.label_smoothing if args.loss == "cross_entropy" else 0.0),
        augment=None if augment in NOTHING else augment,
        early_stopping=args.early_stopping,
        seed=args.seed,
        engine=args.engine,
        out=args.out,
        state=args.state or f"{args.out}.state",
        checkpoint_every=args.checkpoint_every,
        resume=args.resume,
        profile=args.profile,
        preparation=_preparation(args),
        tensorboard=args.tensorboard,
    )
    check_together(args, settings)
    return settings


def typed_options(args: argparse.Namespace) -> dict[str, Any]:
    """What was typed of an optimizer's own."""
    names = ("weight_decay", "momentum", "nesterov")
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def check_together(args: argparse.Namespace, settings: Settings) -> None:
    """Refuses options that were typed and that others leave nothing to do.

    Raises:
        ValueError: which, and what they go with.
    """
    optimizer, options = settings.optimizer, settings.optimizer_options
    if args.momentum is not None and optimizer not in MOMENTUM:
        raise ValueError(f"--momentum is of {' and '.join(MOMENTUM)}: {optimizer} has none that can be chosen")
    if args.nesterov and optimizer not in NESTEROV:
        raise ValueError(f"--nesterov is of --optimizer sgd: {optimizer} has no such form")
    if optimizer in NESTEROV and options.get("nesterov") and not options.get("momentum"):
        raise ValueError("--nesterov is a form of momentum: add --momentum 0.9, or leave it out")
    if args.label_smoothing and settings.loss != "cross_entropy":
        raise ValueError(f"--label-smoothing is of the loss cross_entropy: leave it out with --loss {settings.loss}")


def _complete_images(args: argparse.Namespace, recipe: Recipe) -> None:
    if args.resize is None:
        args.size = chosen(args.size, recipe.size)
    args.channels = chosen(args.channels, 1 if args.size is None else 3)


def _preparation(args: argparse.Namespace) -> str:
    """How images of any size become the network's, as a model file tells it."""
    if args.resize is not None:
        return "scaled"
    return "" if args.size is None else "cropped"
