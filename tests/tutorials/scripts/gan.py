# Two networks against each other: points of a ring.
import numpy as np
import torch
import torch.nn as nn

np.random.seed(7)
torch.manual_seed(7)
latent_dim, batch_size = 4, 128
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def real_points(n):
    angle = np.random.uniform(0, 2 * np.pi, n)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return torch.from_numpy(points).float() + 0.05 * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(latent_dim, 64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, 2),
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(2, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.model(x)


def weights_init(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, 0.0, 0.1)
        nn.init.zeros_(m.bias)


G, D = Generator().to(device), Discriminator().to(device)
G.apply(weights_init)
D.apply(weights_init)
adversarial_loss = nn.BCELoss()
optimizer_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
real_label = torch.ones(batch_size, 1, device=device)
fake_label = torch.zeros(batch_size, 1, device=device)
fixed_noise = torch.randn(512, latent_dim, device=device)


def distance():
    """How far generated points are from the ring, in the mean."""
    with torch.no_grad():
        radius = G(fixed_noise).pow(2).sum(1).sqrt()
        return torch.abs(radius - 1).mean().item()


print(f'before: {distance():.3f} from the ring')
for step in range(1, 1501):
    # Discriminator: real points are 1, generated ones 0.
    real = real_points(batch_size).to(device)
    z = torch.randn(batch_size, latent_dim, device=device)
    fake = G(z)
    d_loss = (adversarial_loss(D(real), real_label) + adversarial_loss(D(fake.detach()), fake_label)) / 2
    optimizer_D.zero_grad()
    d_loss.backward()
    optimizer_D.step()

    # Generator: the discriminator should say 1.
    g_loss = adversarial_loss(D(fake), real_label)
    optimizer_G.zero_grad()
    g_loss.backward()
    optimizer_G.step()
    if step % 300 == 0:
        print(f'[{step}] D loss {d_loss.item():.3f} G loss {g_loss.item():.3f} D(x) {D(real).mean().item():.2f}')

print(f'after: {distance():.3f} from the ring')
torch.save({'generator': G.state_dict(), 'discriminator': D.state_dict()}, 'gan.pt')
