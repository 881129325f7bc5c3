# A noisy curve, random_split, mini-batches and a learning rate that falls in steps.
import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader, random_split

torch.manual_seed(0)
np.random.seed(0)
x = np.linspace(-np.pi, np.pi, 400, dtype=np.float32).reshape(-1, 1)
y = np.sin(x) + 0.1 * np.random.randn(*x.shape).astype('float32')
x, y = torch.from_numpy(x), torch.from_numpy(y)
train_set, val_set = random_split(TensorDataset(x, y), [320, 80])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=80)

model = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=20, gamma=0.5)


def evaluate(loader):
    model.eval()
    with torch.no_grad():
        return sum(loss_fn(model(xb), yb).item() * len(xb) for xb, yb in loader) / len(loader.dataset)


for epoch in range(60):
    model.train()
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    if (epoch + 1) % 10 == 0:
        lr = optimizer.param_groups[0]['lr']
        print(f'epoch {epoch + 1:2d} train {evaluate(train_loader):.4f} val {evaluate(val_loader):.4f} lr {lr:g}')

print('last lr', scheduler.get_last_lr())
with torch.no_grad():
    print('sin(1) is about', round(model(torch.tensor([[1.0]])).item(), 2))
