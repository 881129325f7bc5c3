# Two spirals, written as when there were Variables: NumPy arrays in and out.
import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Variable

np.random.seed(0)
N = 100
theta = np.sqrt(np.random.rand(N)) * 2 * np.pi
r = 2 * theta + np.pi
arm = np.array([np.cos(theta) * r, np.sin(theta) * r]).T
x_a = arm + np.random.randn(N, 2) * 0.3
x_b = -arm + np.random.randn(N, 2) * 0.3
features = np.vstack([x_a, x_b]) / 10
labels = np.hstack([np.zeros(N), np.ones(N)])

inputs = Variable(torch.FloatTensor(features))
targets = Variable(torch.LongTensor(labels.astype(int)))
print(inputs.size(), targets.size(), inputs.type(), targets.type())

torch.manual_seed(1)
net = nn.Sequential(
    nn.Linear(2, 32),
    nn.Tanh(),
    nn.Linear(32, 32),
    nn.Tanh(),
    nn.Linear(32, 2),
)
loss_func = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)

for t in range(400):
    out = net(inputs)
    loss = loss_func(out, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (t + 1) % 100 == 0:
        prediction = torch.max(out, 1)[1]
        pred_y = prediction.data.numpy()
        target_y = targets.data.numpy()
        accuracy = float((pred_y == target_y).astype(int).sum()) / float(target_y.size)
        print('step %3d | loss %.4f | accuracy %.3f' % (t + 1, loss.data.numpy(), accuracy))

torch.save(net.state_dict(), 'spirals.pkl')
again = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
again.load_state_dict(torch.load('spirals.pkl'))
print('the same:', bool((again(inputs) == net(inputs)).all()))
