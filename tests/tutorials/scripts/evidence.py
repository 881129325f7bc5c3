import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
import torch
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

transform = transforms.Compose([
    transforms.Grayscale(num_output_channels=1),
    transforms.Resize((14, 14)),
    transforms.ToTensor()
])
train_dataset = datasets.ImageFolder(root='./mnist_images/train', transform=transform)
test_dataset = datasets.ImageFolder(root='./mnist_images/test', transform=transform)
train_loader = DataLoader(train_dataset, batch_size=64, shuffle=True)


class Evidence(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(14 * 14, 10)

    def forward(self, x):
        return self.layer(x.view(-1, 14 * 14))


model = Evidence()
print(model)
optimizer = optim.Adam(model.parameters(), lr=0.005)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    for data, label in train_loader:
        loss = criterion(model(data), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f'Epoch {epoch + 1}/10 | Loss: {loss.item():.4f}')

right = 0
with torch.no_grad():
    for data, label in DataLoader(test_dataset, batch_size=100):
        right += (model(data).argmax(1) == label).sum().item()
print(f'test accuracy = {right} / {len(test_dataset)}')

weight = model.layer.weight.detach().view(10, 14, 14).numpy()
limit = abs(weight).max()
figure, axes = plt.subplots(2, 5, figsize=(10, 4))
for digit, ax in enumerate(axes.flat):
    ax.imshow(weight[digit], cmap='bwr', vmin=-limit, vmax=limit)
    ax.set_title(f'{digit}: {(weight[digit] > 0).sum()} for, {(weight[digit] < 0).sum()} against')
    ax.axis('off')
figure.savefig('evidence.png')
print('evidence drawn:', weight.shape)
