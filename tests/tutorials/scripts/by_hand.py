# Linear regression with nothing but tensors and autograd, then a network of two weights.
import torch

dtype = torch.float
torch.manual_seed(10)
x = torch.linspace(0, 1, 50, dtype=dtype).view(-1, 1)
y = 3 * x + 0.8 + 0.05 * torch.randn(50, 1)

w = torch.randn(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
learning_rate = 0.3
for epoch in range(301):
    y_pred = x * w + b
    loss = ((y_pred - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= learning_rate * w.grad
        b -= learning_rate * b.grad
        w.grad.zero_()
        b.grad.zero_()
    if epoch % 100 == 0:
        print(f'{epoch} {loss.item():.5f}')
print(f'w = {w.item():.2f}, b = {b.item():.2f}')

N, D_in, H, D_out = 16, 20, 12, 3
x = torch.randn(N, D_in, dtype=dtype)
y = torch.randn(N, D_out, dtype=dtype)
w1 = torch.randn(D_in, H, dtype=dtype, requires_grad=True)
w2 = torch.randn(H, D_out, dtype=dtype, requires_grad=True)
for t in range(500):
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        w1 -= 1e-3 * w1.grad
        w2 -= 1e-3 * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
    if t in (0, 499):
        print(t, '%.4f' % loss.item())
