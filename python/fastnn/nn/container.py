"""Sequential: modules one after the other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from fastnn.eager.tensor import Tensor
from fastnn.nn.module import Module


class Sequential(Module):
    """Modules one after the other: ``Sequential(Linear(2, 3), ReLU())`` or an OrderedDict of names."""

    def __init__(self, *layers: Module | OrderedDict[str, Module]) -> None:
        super().__init__()
        named = (
            layers[0] if len(layers) == 1 and isinstance(layers[0], dict) else {str(i): m for i, m in enumerate(layers)}
        )
        for name, layer in named.items():
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential: entry {name} is a {type(layer).__name__}, not a module")
            self.add_module(name, layer)

    def append(self, layer: Module) -> Sequential:
        self.add_module(str(len(self._modules)), layer)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Module:
        named = list(self._modules.items())
        return Sequential(OrderedDict(named[index])) if isinstance(index, slice) else named[index][1]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self._modules.values():
            x = layer(x)
        return x
