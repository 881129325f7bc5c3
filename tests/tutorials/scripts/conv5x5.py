import torch
import torch.nn as nn
import torch.nn.functional as F


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3, bias=False)
        self.conv1.weight.data = torch.tensor([[[[0.0, 1.0, 2.0], [2.0, 2.0, 0.0], [0.0, 1.0, 2.0]]]])
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2, padding=1)
        self.flatten = nn.Flatten()

    def forward(self, x):
        x = self.conv1(x)
        print(x)
        x = F.relu(x)
        x = self.pool(x)
        print(x)
        return self.flatten(x)


image = torch.tensor(
    [
        [3.0, 3.0, 2.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 3.0, 1.0],
        [3.0, 1.0, 2.0, 2.0, 3.0],
        [2.0, 0.0, 0.0, 2.0, 2.0],
        [2.0, 0.0, 0.0, 0.0, 1.0],
    ]
)
image = image.unsqueeze(0).unsqueeze(0)
model = ConvNet()
print(model)
output = model(image)
print(output)
print(output.shape)
output.sum().backward()
print(model.conv1.weight.grad)
conv_layer = nn.Conv2d(1, 6, 5, padding=2)
print(conv_layer)
print(conv_layer.weight.shape, conv_layer.bias.shape)
