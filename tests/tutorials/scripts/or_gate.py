# One neuron learns the OR gate.
import torch
import torch.nn as nn

X = torch.Tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
y = torch.Tensor([[0], [1], [1], [1]])
print(X.dtype, X.shape, y.shape)


class OrGate(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        return self.sigmoid(self.linear(x))


torch.manual_seed(2)
model = OrGate()
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

losses = []
for epoch in range(1, 1001):
    optimizer.zero_grad()
    y_hat = model(X)
    loss = criterion(y_hat, y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if epoch % 200 == 0:
        print(f'epoch {epoch}: loss = {loss.item():.4f}')

print('fell from {:.3f} to {:.3f}'.format(losses[0], losses[-1]))
for name, param in model.named_parameters():
    print(name, tuple(param.size()))
with torch.no_grad():
    for x in X:
        p = model(x)
        print('%d OR %d = %d (%.2f)' % (x[0], x[1], p > 0.5, p))
