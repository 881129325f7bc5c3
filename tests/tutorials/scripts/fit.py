import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import Dataset, DataLoader

np.random.seed(0)
xs = np.sort(np.random.rand(50))
ys = np.array([(1.0 if 0.3 < x < 0.7 else 0.0) for x in xs])


class MyDataset(Dataset):
    def __init__(self, xs, ys):
        self.xs = torch.tensor(xs, dtype=torch.float32).view(-1, 1)
        self.ys = torch.tensor(ys, dtype=torch.float32).view(-1, 1)

    def __len__(self):
        return len(self.xs)

    def __getitem__(self, idx):
        return self.xs[idx], self.ys[idx]


class SimpleModel(nn.Module):
    def __init__(self):
        super(SimpleModel, self).__init__()
        self.hidden = nn.Linear(1, 3)
        self.output = nn.Linear(3, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        x = self.sigmoid(self.hidden(x))
        x = self.sigmoid(self.output(x))
        return x


torch.manual_seed(1)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
dataset = MyDataset(xs, ys)
dataloader = DataLoader(dataset, batch_size=8, shuffle=True)
model = SimpleModel().to(device)
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=1.0)

num_epochs = 20000
model.train()
for epoch in range(num_epochs):
    for inputs, targets in dataloader:
        inputs, targets = inputs.to(device), targets.to(device)
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 5000 == 0:
        print(f'Epoch [{epoch + 1}/{num_epochs}], Loss: {loss.item():.4f}')

model.eval()
with torch.no_grad():
    inputs = torch.tensor(xs, dtype=torch.float32).view(-1, 1).to(device)
    predictions = model(inputs).cpu().numpy()
print(predictions.shape, 'mse', float(((predictions[:, 0] - ys) ** 2).mean()))
