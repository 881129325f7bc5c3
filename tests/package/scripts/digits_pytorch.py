"""The digit tutorial in PyTorch's words, with annotations."""

from typing import assert_type

import fastnn as torch
import fastnn.nn.functional as F
from fastnn import nn, optim
from fastnn.utils.data import DataLoader, TensorDataset


class Digits(nn.Module):
    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.layer1 = nn.Linear(16, hidden)
        self.layer2 = nn.Linear(hidden, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.view(-1, 16)
        x = torch.relu(self.layer1(x))
        return self.layer2(F.dropout(x, 0.1, self.training))


def train(model: nn.Module, loader: DataLoader, epochs: int) -> float:
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.CrossEntropyLoss()
    total = 0.0
    for _ in range(epochs):
        for data, label in loader:
            output = model(data)
            loss = criterion(output, label)
            assert_type(output, torch.Tensor)
            assert_type(loss, torch.Tensor)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * data.size(0)
    return total


@torch.no_grad()
def right(model: nn.Module, data: torch.Tensor, label: torch.Tensor) -> int:
    model.eval()
    _, predicted = torch.max(model(data), 1)
    return int((predicted == label).sum().item())


torch.manual_seed(0)
images, labels = torch.rand(30, 1, 4, 4), torch.arange(30) % 3
net = Digits()
total = train(net, DataLoader(TensorDataset(images, labels), batch_size=10, shuffle=True), 2)
assert total > 0 and 0 <= right(net, images, labels) <= 30
state = net.state_dict()
assert_type(state["layer1.weight"], torch.Tensor)
