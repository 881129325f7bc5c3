# To type checkers, fastnn.autograd; at run time fastnn.renamed finds it.
from fastnn.eager.autograd import *  # noqa: F403
from fastnn.eager.function import Function as Function
from fastnn.eager.function import FunctionCtx as FunctionCtx
from fastnn.eager.gradcheck import gradcheck as gradcheck
from fastnn.eager.tensor import Tensor

def Variable(data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor: ...
