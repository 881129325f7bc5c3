"""Methods of tensors as functions: ``fastnn.relu(x)`` is ``x.relu()``. A number may stand for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastnn.eager.creation import as_tensor
from fastnn.eager.ordering import Ordered
from fastnn.eager.tensor import Tensor


def _function(name: str) -> Any:
    method = getattr(Tensor, name)

    @functools.wraps(method)
    def function(input: Any = None, *args: Any, **named: Any) -> Any:
        if input is None and "x" in named:
            input = named.pop("x")
        if not isinstance(input, Tensor):
            input = as_tensor(input)
        return method(input, *args, **named)

    function.__name__ = function.__qualname__ = name
    return function


def _op(name: str) -> Callable[..., Tensor]:
    """Most give one tensor."""
    return _function(name)


abs = _op("abs")
absolute = _op("absolute")
add = _op("add")
allclose: Callable[..., bool] = _function("allclose")
amax = _op("amax")
amin = _op("amin")
any = _op("any")
all = _op("all")
argmax = _op("argmax")
argmin = _op("argmin")
argsort = _op("argsort")
bernoulli = _op("bernoulli")
bincount = _op("bincount")
bitwise_and = _op("bitwise_and")
bitwise_not = _op("bitwise_not")
bitwise_or = _op("bitwise_or")
bitwise_xor = _op("bitwise_xor")
bmm = _op("bmm")
ceil = _op("ceil")
chunk: Callable[..., tuple[Tensor, ...]] = _function("chunk")
clamp = _op("clamp")
clip = _op("clip")
clone = _op("clone")
count_nonzero = _op("count_nonzero")
cumsum = _op("cumsum")
detach = _op("detach")
div = _op("div")
divide = _op("divide")
dot = _op("dot")
eq = _op("eq")
equal: Callable[..., bool] = _function("equal")
erf = _op("erf")
exp = _op("exp")
flatten = _op("flatten")
flip = _op("flip")
floor = _op("floor")
floor_divide = _op("floor_divide")
gather = _op("gather")
ge = _op("ge")
greater = _op("greater")
gt = _op("gt")
index_select = _op("index_select")
isclose = _op("isclose")
isfinite = _op("isfinite")
isinf = _op("isinf")
isnan = _op("isnan")
le = _op("le")
less = _op("less")
log = _op("log")
log_softmax = _op("log_softmax")
logical_and = _op("logical_and")
logical_not = _op("logical_not")
logical_or = _op("logical_or")
logical_xor = _op("logical_xor")
lt = _op("lt")
masked_fill = _op("masked_fill")
masked_select = _op("masked_select")
matmul = _op("matmul")
max = _function("max")
maximum = _op("maximum")
mean = _op("mean")
median = _function("median")
min = _function("min")
minimum = _op("minimum")
mm = _op("mm")
movedim = _op("movedim")
mul = _op("mul")
multiply = _op("multiply")
mv = _op("mv")
narrow = _op("narrow")
ne = _op("ne")
neg = _op("neg")
negative = _op("negative")
nonzero = _op("nonzero")
norm = _op("norm")
not_equal = _op("not_equal")
outer = _op("outer")
permute = _op("permute")
pow = _op("pow")
reciprocal = _op("reciprocal")
relu = _op("relu")
remainder = _op("remainder")
reshape = _op("reshape")
round = _op("round")
rsqrt = _op("rsqrt")
sigmoid = _op("sigmoid")
sign = _op("sign")
softmax = _op("softmax")
sort: Callable[..., Ordered] = _function("sort")
split: Callable[..., tuple[Tensor, ...]] = _function("split")
sqrt = _op("sqrt")
square = _op("square")
squeeze = _op("squeeze")
std = _op("std")
sub = _op("sub")
subtract = _op("subtract")
sum = _op("sum")
t = _op("t")
tanh = _op("tanh")
tile = _op("tile")
topk: Callable[..., Ordered] = _function("topk")
transpose = _op("transpose")
trunc = _op("trunc")
true_divide = _op("true_divide")
unbind: Callable[..., tuple[Tensor, ...]] = _function("unbind")
unflatten = _op("unflatten")
unique = _function("unique")
unsqueeze = _op("unsqueeze")
var = _op("var")

__all__ = [
    "abs",
    "absolute",
    "add",
    "all",
    "allclose",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "bernoulli",
    "bincount",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "bmm",
    "ceil",
    "chunk",
    "clamp",
    "clip",
    "clone",
    "count_nonzero",
    "cumsum",
    "detach",
    "div",
    "divide",
    "dot",
    "eq",
    "equal",
    "erf",
    "exp",
    "flatten",
    "flip",
    "floor",
    "floor_divide",
    "gather",
    "ge",
    "greater",
    "gt",
    "index_select",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "less",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "masked_fill",
    "masked_select",
    "matmul",
    "max",
    "maximum",
    "mean",
    "median",
    "min",
    "minimum",
    "mm",
    "movedim",
    "mul",
    "multiply",
    "mv",
    "narrow",
    "ne",
    "neg",
    "negative",
    "nonzero",
    "norm",
    "not_equal",
    "outer",
    "permute",
    "pow",
    "reciprocal",
    "relu",
    "remainder",
    "reshape",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "softmax",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "std",
    "sub",
    "subtract",
    "sum",
    "t",
    "tanh",
    "tile",
    "topk",
    "transpose",
    "true_divide",
    "trunc",
    "unbind",
    "unflatten",
    "unique",
    "unsqueeze",
    "var",
]
