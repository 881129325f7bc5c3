# Digits with a validation split by samplers, probabilities of a batch, weights kept for the best epoch.
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data.sampler import SubsetRandomSampler
from torchvision import datasets, transforms

transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
trainset = datasets.MNIST('data', download=True, train=True, transform=transform)

num_train = len(trainset)
indices = list(range(num_train))
np.random.seed(9)
np.random.shuffle(indices)
split = int(np.floor(0.2 * num_train))
train_idx, valid_idx = indices[split:], indices[:split]
trainloader = torch.utils.data.DataLoader(trainset, batch_size=32, sampler=SubsetRandomSampler(train_idx))
validloader = torch.utils.data.DataLoader(trainset, batch_size=32, sampler=SubsetRandomSampler(valid_idx))

torch.manual_seed(9)
model = nn.Sequential(nn.Linear(784, 128),
                      nn.ReLU(),
                      nn.Linear(128, 64),
                      nn.ReLU(),
                      nn.Linear(64, 10),
                      nn.LogSoftmax(dim=1))
criterion = nn.NLLLoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)

valid_loss_min = np.inf
for e in range(8):
    train_loss, valid_loss, accuracy = 0.0, 0.0, 0.0
    model.train()
    for images, labels in trainloader:
        images = images.view(images.shape[0], -1)
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * images.size(0)
    model.eval()
    with torch.inference_mode():
        for images, labels in validloader:
            log_ps = model(images.view(images.shape[0], -1))
            valid_loss += criterion(log_ps, labels).item() * images.size(0)
            ps = torch.exp(log_ps)
            top_p, top_class = ps.topk(1, dim=1)
            equals = top_class == labels.view(*top_class.shape)
            accuracy += torch.sum(equals.type(torch.FloatTensor)).item()
    train_loss /= len(train_idx)
    valid_loss /= len(valid_idx)
    print('Epoch: {} Training Loss: {:.6f} Validation Loss: {:.6f} Accuracy: {:.3f}'.format(
        e + 1, train_loss, valid_loss, accuracy / len(valid_idx)))
    if valid_loss <= valid_loss_min:
        torch.save(model.state_dict(), 'model.pt')
        valid_loss_min = valid_loss

model.load_state_dict(torch.load('model.pt'))
images, labels = next(iter(validloader))
with torch.no_grad():
    ps = torch.exp(model(images.view(images.shape[0], -1)))
print('sums to one:', bool((ps.sum(dim=1) - 1).abs().max() < 1e-5), 'guess', ps.max(1)[1][:4].tolist())
