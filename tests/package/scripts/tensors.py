"""Arithmetic, shapes, reductions and gradients of tensors."""

from typing import assert_type

import fastnn as torch
import numpy as np
from fastnn.autograd import Variable


def standardised(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(dim=0, keepdim=True)) / (x.std(dim=0, keepdim=True) + 1e-8)


x = torch.randn(6, 4, requires_grad=True)
y = standardised(x) @ torch.ones(4, 2) * 2 + 1
assert_type(y, torch.Tensor)
assert_type(y[0], torch.Tensor)
assert_type(y.T, torch.Tensor)
assert_type(y.shape[0], int)
assert_type(y.size(0), int)
assert_type(y.dim(), int)
assert_type(y.ndim, int)
assert_type(y.numel(), int)
assert_type(y.max(), torch.Tensor)
values, indices = y.max(1)
assert_type(values, torch.Tensor)
assert_type(indices, torch.Tensor)
assert_type(y.sum(axis=0), torch.Tensor)
assert_type(torch.cat([x, x]), torch.Tensor)
assert_type(torch.softmax(y, dim=1), torch.Tensor)
assert_type(torch.where(y > 0, y, -y), torch.Tensor)
assert_type(y.argmax(dim=1), torch.Tensor)
assert_type(torch.allclose(y, y), bool)
assert_type(y.float().bool().long().int(), torch.Tensor)
assert_type(y.split(2)[0], torch.Tensor)
assert_type(y.reshape(-1).unsqueeze(0).flatten().permute(0), torch.Tensor)
array = y.detach().numpy()
mean = float(np.mean(array))
(y * y).sum().backward()
assert x.grad is not None
assert_type(x.grad, torch.Tensor)
with torch.no_grad():
    x -= 0.1 * x.grad
    x.clamp_(-1, 1)
print(f"{y.mean().item():.3f} {mean:.3f} {len(y)}", x.dtype == torch.float32)
double = torch.tensor([[1.0, 2.0]], dtype=torch.float64).to(torch.float32)
assert_type(Variable(double), torch.Tensor)
longs: torch.Tensor = torch.LongTensor([1, 2])
assert_type(torch.from_numpy(array), torch.Tensor)
