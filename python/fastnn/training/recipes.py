"""Recipes: how long, in what batches and at what rates a network is trained, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastnn.text import way


@dataclass(frozen=True)
class Recipe:
    """Settings for what a command line leaves open.

    lr: None for the optimizer's own default. schedule: of :data:`fastnn.training.schedules.SCHEDULES`, None for a rate
    that stays. options: of the optimizers that know them. augment: as :mod:`fastnn.data.augment` names it. model, size:
    the network of a recipe for photographs, and the side of its images.
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adam"
    lr: float | None = None
    schedule: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    label_smoothing: float = 0.0
    augment: str | None = None
    model: str | None = None
    size: int | None = None


# tutorial: what the well-known tutorials do. fast: chosen on 10,000 of MNIST's training images after training
# 784-256-10 on the other 50,000: the least time whose mean accuracy there, over ten seeds, is above 98.1 %. A rate some
# ten times Adam's default is right for so few steps if it falls to nothing in the end, and a shorter memory of the
# squares (0.99) follows it. catsdogs: the most epochs that two cores do in 20 minutes with some to spare (15.5 s
# each on 8,000 photographs); network and rate were found on 1,000 photographs left out of training (30 epochs: 89.8 %),
# the weight decay beside its half in whole runs (92.5 and 91.8 % of the validation images after the last epoch).
RECIPES: Mapping[str, Recipe] = {
    "tutorial": Recipe(),
    "fast": Recipe(epochs=4, batch_size=250, lr=0.015, schedule="linear", options={"betas": (0.9, 0.99)}),
    "catsdogs": Recipe(
        model="small_resnet",
        size=64,
        epochs=70,
        batch_size=64,
        optimizer="sgd",
        lr=0.1,
        options={"momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
        label_smoothing=0.1,
        schedule="onecycle",
        augment="strong",
    ),
}

# For the networks of `fastnn.models`, where theirs differ: by the model's name and the recipe's.
#
# lenet5, tutorial: at a constant rate of 1e-3 the ten epochs of MNIST end at 98.6 to 99.0 % of the test images (three
# seeds, mean 98.9): the last steps still move the weights too far. At one that falls to nothing: 99.1 to 99.3, mean
# 99.2. fast: chosen as above, for the least time whose mean accuracy on the 10,000 training images left out is above
# 99.0 %: 98.97 to 99.16 there, mean 99.06 (six seeds). Batches of 64 and 250 take as long; at the best rates that were
# tried for them (0.004, 0.012) they are 0.03 points behind (two seeds).
OF_MODELS: Mapping[tuple[str, str], Recipe] = {
    ("lenet5", "tutorial"): Recipe(schedule="linear"),
    ("lenet5", "fast"): Recipe(epochs=4, batch_size=128, lr=0.008, schedule="linear", options={"betas": (0.9, 0.99)}),
}


def recipe_for(model: str | None, name: str) -> Recipe:
    """The recipe of a name for a model of :mod:`fastnn.models` or of one's own, or where none is named (None): for
    dense networks, or with the network of the recipe. The tutorials' is that of every model which has no own; one for
    photographs is for any.

    Raises:
        ValueError: another one, for a model that none was chosen for.
    """
    if model is None or RECIPES[name].model is not None:
        return RECIPES[name]
    if (model, name) not in OF_MODELS and name != "tutorial":
        having = ", ".join(known for known, of in OF_MODELS if of == name)
        epochs, batch, rate = way("--epochs", "epochs"), way("--batch-size", "batch size"), way("--lr", "learning rate")
        raise ValueError(
            f"there is no recipe '{name}' for {model}, only for dense networks and {having}: leave it out, and choose "
            f"{epochs}, {batch} and {rate}"
        )
    return OF_MODELS.get((model, name), RECIPES[name])
