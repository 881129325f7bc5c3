# An autoencoder that takes noise away from curves.
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)
rng = np.random.default_rng(6)
phase = rng.uniform(0, 2 * np.pi, (256, 1))
amplitude = rng.uniform(0.5, 1.5, (256, 1))
clean = torch.tensor(amplitude * np.sin(np.linspace(0, 2 * np.pi, 32) + phase), dtype=torch.float32)
noisy = clean + 0.3 * torch.randn_like(clean)


class DenoisingAutoencoder(nn.Module):
    def __init__(self, size, hidden):
        super().__init__()
        self.encode = nn.Linear(size, hidden)
        self.decode = nn.Linear(hidden, size)

    def forward(self, x):
        return self.decode(torch.tanh(self.encode(x)))


net = DenoisingAutoencoder(32, 8)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
before = F.mse_loss(noisy, clean).item()
history = []
for epoch in range(40):
    permutation = torch.randperm(noisy.size(0))
    for i in range(0, noisy.size(0), 32):
        indices = permutation[i:i + 32]
        optimizer.zero_grad()
        loss = F.mse_loss(net(noisy[indices]), clean[indices])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        history.append(F.mse_loss(net(noisy), clean).item())
    net.train()

print('noise %.4f, first %.4f, last %.4f' % (before, history[0], history[-1]))
print('better than the noise:', history[-1] < before / 2)
