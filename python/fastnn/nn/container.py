"""Modules that hold others: Sequential calls them one after the other, lists and dicts leave that to you."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.nn.module import Module


def _checked(container: Module, name: object, module: Any) -> Module:
    if not isinstance(module, Module):
        kind, got = type(container).__name__, type(module).__name__
        what, how = f"is a {got}, not a module", ""
        if isinstance(module, type) and issubclass(module, Module):
            got = f"class {module.__name__}"
            what, how = f"is the {got}, not a module", f"{module.__name__}()"
        elif isinstance(module, list | tuple):
            how = f"nn.{kind}(*layers)"
        elif callable(module):
            how = "its module, nn.ReLU() for F.relu"
        error = TypeError(f"{kind}: entry {name} {what}" + (f": use {how}" if how else ""))
        raise told(error, "module.kind", kind=kind, name=name, got=got)
    return module


class _Numbered(Module):
    """Modules in an order, whose names are their numbers: what a list does."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return self._of(list(self._modules.items())[index])
        return self._modules[self._name_at(index)]

    def _of(self, named: list[tuple[str, Module]]) -> Module:
        """Another one, of some of the modules."""
        raise NotImplementedError

    def _name_at(self, index: int) -> str:
        position, count = operator.index(index), len(self._modules)
        if not -count <= position < count:
            raise IndexError(f"{type(self).__name__} has {count} modules, there is no number {position}")
        return list(self._modules)[position]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), _checked(self, index, module))

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        gone = names[index] if isinstance(index, slice) else [self._name_at(index)]
        self._refill([module for name, module in self._modules.items() if name not in gone])

    def _refill(self, modules: Iterable[Module]) -> None:
        """These modules and no others, numbered."""
        modules = list(modules)
        for name in list(self._modules):
            delattr(self, name)
        for number, module in enumerate(modules):
            self.add_module(str(number), module)

    def append(self, module: Module) -> Self:
        """One more, at the end."""
        self.add_module(str(len(self)), _checked(self, len(self), module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """More, at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """One more, before the one at index."""
        modules = list(self)
        modules.insert(index, _checked(self, index, module))
        self._refill(modules)
        return self

    def pop(self, key: int | slice = -1) -> Module:
        """Takes one off, the last if no other is named."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Numbered):
    """Modules one after the other: ``Sequential(Linear(2, 3), ReLU())`` or an OrderedDict of names."""

    def __init__(self, *layers: Module | Mapping[str, Module]) -> None:
        super().__init__()
        only = layers[0] if len(layers) == 1 else None
        named = only if isinstance(only, Mapping) else {str(i): layer for i, layer in enumerate(layers)}
        for name, layer in named.items():
            self.add_module(name, _checked(self, name, layer))

    def _of(self, named: list[tuple[str, Module]]) -> Module:
        return type(self)(OrderedDict(named))

    def __delitem__(self, index: int | slice) -> None:
        """The others are numbered anew where all names are numbers."""
        if all(name.isdigit() for name in self._modules):
            super().__delitem__(index)
            return
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [self._name_at(index)]:
            delattr(self, name)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self._modules.values():
            x = layer(x)
        return x


class ModuleList(_Numbered):
    """A list of modules whose parameters belong to the module that has it: ``for layer in self.layers: x = layer(x)``.

    Raises:
        TypeError: an entry that is no module.
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _of(self, named: list[tuple[str, Module]]) -> Module:
        return type(self)(module for _, module in named)

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, modules: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *modules])

    def __contains__(self, module: object) -> bool:
        return any(module is own for own in self)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a ModuleList only holds modules: call them, for layer in layers: x = layer(x)")

    def _shown_modules(self) -> Iterator[tuple[str, str]]:
        """Equal neighbours in one line, as PyTorch shows them: ``(0-1): 2 x ReLU()``."""
        runs: list[tuple[str, int, int]] = []  # text, first number, how many
        for number, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][0] == text:
                runs[-1] = (text, runs[-1][1], runs[-1][2] + 1)
            else:
                runs.append((text, number, 1))
        for text, first, count in runs:
            yield (str(first), text) if count == 1 else (f"{first}-{first + count - 1}", f"{count} x {text}")


class ModuleDict(Module):
    """Modules by name, whose parameters belong to the module that has it: ``self.heads["digits"](x)``.

    Raises:
        TypeError: an entry that is no module, or a name that is no text.
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """More by their names; those of a name that is there already take its place."""
        for name, module in dict(modules).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str):
            raise TypeError(f"ModuleDict: names are texts, got {name!r}")
        if name not in self._modules and hasattr(type(self), name):
            raise KeyError(f"ModuleDict: the name {name!r} is that of a method: choose another")
        setattr(self, name, _checked(self, repr(name), module))

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str) -> Module:
        """Takes one off."""
        module = self._modules[name]
        delattr(self, name)
        return module

    def clear(self) -> None:
        """Takes all off."""
        for name in list(self._modules):
            delattr(self, name)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def keys(self) -> Iterable[str]:
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        return self._modules.items()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a ModuleDict only holds modules: call one, modules[name](x)")
