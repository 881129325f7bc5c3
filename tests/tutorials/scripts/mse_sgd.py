import torch
import torch.nn as nn
import torch.optim as optim
from torchvision import datasets, transforms
from torch.utils.data import DataLoader
from torch.nn.functional import one_hot
from PIL import Image

transform = transforms.Compose([
    transforms.ToTensor()
])
train_data = datasets.MNIST(root='./data', train=True, download=True, transform=transform)
train_loader = DataLoader(train_data, batch_size=6000, shuffle=True)

raw = datasets.MNIST(root='./data', train=True, transform=None)
image, label = raw[0]
print(image.size, image.mode, label, raw.targets[:5])


class NeuralNetwork(nn.Module):
    def __init__(self):
        super(NeuralNetwork, self).__init__()
        self.flatten = nn.Flatten()
        self.hidden1 = nn.Linear(784, 200)
        self.hidden2 = nn.Linear(200, 200)
        self.hidden3 = nn.Linear(200, 200)
        self.out = nn.Linear(200, 10)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.flatten(x)
        x = self.relu(self.hidden1(x))
        x = self.relu(self.hidden2(x))
        x = self.relu(self.hidden3(x))
        return self.out(x)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = NeuralNetwork().to(device)
criterion = nn.MSELoss()
criterion = criterion.to(device)
optimizer = optim.SGD(model.parameters(), lr=1)

epochs = 200
for epoch in range(epochs):
    for images, labels in train_loader:
        images, labels = images.to(device), labels.to(device)
        outputs = model(images)
        targets = one_hot(labels, num_classes=10).float()
        loss = criterion(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f'Epoch [{epoch + 1}/{epochs}], Loss: {loss.item():.4f}')

torch.save(model.state_dict(), 'model.pth')

model = NeuralNetwork()
model.load_state_dict(torch.load('model.pth'))
model.eval()
image = Image.open('digit.png').convert('L')
image = transform(image)
image = image.unsqueeze(0)
with torch.no_grad():
    outputs = model(image)
    _, predicted = torch.max(outputs.data, 1)
print(f'Predicted label: {predicted.item()}')
