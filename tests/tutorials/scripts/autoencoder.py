# An autoencoder of digits: 784 numbers through 16 and back.
import os
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

num_epochs = 15
batch_size = 64
learning_rate = 2e-3
device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')

dataset = datasets.MNIST('./data', train=True, transform=transforms.ToTensor(), download=True)
dataloader = DataLoader(dataset, batch_size=batch_size, shuffle=True)


class Autoencoder(nn.Module):
    def __init__(self):
        super(Autoencoder, self).__init__()
        self.encoder = nn.Sequential(
            nn.Linear(28 * 28, 128),
            nn.ReLU(True),
            nn.Linear(128, 64),
            nn.ReLU(True),
            nn.Linear(64, 16))
        self.decoder = nn.Sequential(
            nn.Linear(16, 64),
            nn.ReLU(True),
            nn.Linear(64, 128),
            nn.ReLU(True),
            nn.Linear(128, 28 * 28),
            nn.Sigmoid())

    def forward(self, x):
        code = self.encoder(x)
        return self.decoder(code), code


torch.manual_seed(5)
model = Autoencoder().to(device)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-5)
to_picture = transforms.ToPILImage()
os.makedirs('reconstructed', exist_ok=True)

for epoch in range(num_epochs):
    running = 0.0
    for img, _ in dataloader:
        img = img.view(img.size(0), -1).to(device)
        output, code = model(img)
        loss = criterion(output, img)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * img.size(0)
    print('epoch [{}/{}], loss:{:.4f}'.format(epoch + 1, num_epochs, running / len(dataset)))
    if (epoch + 1) % 5 == 0:
        pic = to_picture(output.cpu().data.view(output.size(0), 1, 28, 28)[0])
        pic.save('./reconstructed/image_{}.png'.format(epoch + 1))

print(tuple(code.shape), tuple(model.decoder(torch.randn(3, 16)).shape))
torch.save(model.state_dict(), './autoencoder.pth')
