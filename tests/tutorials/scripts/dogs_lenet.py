# 猫狗大战: LeNet on one folder of cat.0.jpg, dog.0.jpg, ...; curves for TensorBoard, and Kaggle's file at the end.
import csv
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset, random_split
from torch.utils.tensorboard import SummaryWriter
from torchvision import transforms


class DogCat(Dataset):
    def __init__(self, root, transform=None, test=False):
        names = os.listdir(root)
        if test:
            names = sorted(names, key=lambda name: int(name.split('.')[0]))
        else:
            names = sorted(names, key=lambda name: (name.split('.')[0], int(name.split('.')[1])))
        self.paths = [os.path.join(root, name) for name in names]
        self.transform = transform
        self.test = test

    def __getitem__(self, index):
        path = self.paths[index]
        name = os.path.basename(path)
        label = int(name.split('.')[0]) if self.test else int('dog' in name)
        image = Image.open(path).convert('RGB')
        return self.transform(image), label

    def __len__(self):
        return len(self.paths)


class LeNet(nn.Module):
    def __init__(self):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 13 * 13, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


torch.manual_seed(1)
device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
normalize = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
train_transform = transforms.Compose([
    transforms.Resize((68, 68)),
    transforms.RandomCrop(64),
    transforms.RandomHorizontalFlip(),
    transforms.ColorJitter(brightness=0.1, contrast=0.1),
    transforms.ToTensor(),
    normalize,
])
test_transform = transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor(), normalize])

data = DogCat('data/train', train_transform)
n_val = int(0.25 * len(data))
train_set, val_set = random_split(data, [len(data) - n_val, n_val], generator=torch.Generator().manual_seed(0))
train_loader = DataLoader(train_set, batch_size=8, shuffle=True, num_workers=2)
val_loader = DataLoader(val_set, batch_size=8, shuffle=False, num_workers=2)
print(len(train_set), len(val_set))

model = LeNet().to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
writer = SummaryWriter('runs/lenet')
writer.add_graph(model, torch.zeros(1, 3, 64, 64))

best = 0.0
for epoch in range(6):
    model.train()
    train_loss = 0.0
    for images, labels in train_loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    scheduler.step()

    model.eval()
    val_loss, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in val_loader:
            outputs = model(images.to(device))
            val_loss += criterion(outputs, labels.to(device)).item()
            _, predicted = torch.max(outputs.data, 1)
            correct += (predicted == labels.to(device)).sum().item()
    val_accuracy = correct / len(val_set)
    writer.add_scalar('train_loss', train_loss / len(train_loader), epoch)
    writer.add_scalar('val_loss', val_loss / len(val_loader), epoch)
    writer.add_scalar('val_accuracy', val_accuracy, epoch)
    if val_accuracy >= best:
        best = val_accuracy
        torch.save(model.state_dict(), 'lenet_best.pth')
    print('[epoch %d] train_loss: %.3f  val_loss: %.3f  val_accuracy: %.3f  lr: %.4f'
          % (epoch + 1, train_loss / len(train_loader), val_loss / len(val_loader), val_accuracy,
             optimizer.param_groups[0]['lr']))
writer.close()

model.load_state_dict(torch.load('lenet_best.pth', map_location='cpu'))
model.eval()
results = []
with torch.no_grad():
    for images, ids in DataLoader(DogCat('data/test', test_transform, test=True), batch_size=3):
        probability = F.softmax(model(images), dim=1)[:, 1].data.tolist()
        results += [(id.item(), p) for id, p in zip(ids, probability)]
with open('submission.csv', 'w', newline='') as file:
    rows = csv.writer(file)
    rows.writerow(['id', 'label'])
    rows.writerows(results)
