# House prices with three features: standardised, trained until the error falls no further, then ReduceLROnPlateau.
import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim.lr_scheduler import ReduceLROnPlateau

torch.manual_seed(4)
rooms = torch.randint(1, 7, (200, 1)).float()
area = rooms * 22 + 10 * torch.rand(200, 1)
age = torch.rand(200, 1) * 60
price = 3 * area - 0.8 * age + 15 * rooms + torch.randn(200, 1) * 3

features = torch.cat([rooms, area, age], dim=1)
mean, std = features.mean(dim=0), features.std(dim=0)
features = (features - mean) / std
target_mean, target_std = price.mean(), price.std()
target = (price - target_mean) / target_std

model = nn.Linear(3, 1)
criterion = nn.L1Loss()
optimizer = optim.SGD(model.parameters(), lr=0.5)
scheduler = ReduceLROnPlateau(optimizer, mode='min', factor=0.5, patience=3, threshold=1e-3)

rates = []
for epoch in range(100):
    optimizer.zero_grad()
    loss = criterion(model(features), target)
    loss.backward()
    optimizer.step()
    scheduler.step(loss.item())
    rates.append(optimizer.param_groups[0]['lr'])
    if (epoch + 1) % 25 == 0:
        print('epoch {:3d} loss {:.4f} lr {:.6f}'.format(epoch + 1, loss.item(), rates[-1]))

print('the rate fell', sum(a > b for a, b in zip(rates, rates[1:])), 'times and never rose:', rates == sorted(rates, reverse=True))
with torch.no_grad():
    error = torch.abs(model(features) * target_std + target_mean - price).mean()
print(f'mean absolute error {error:.2f} of prices around {target_mean:.0f}')
