"""Rows of test_names.py: what is torchvision's."""

from __future__ import annotations

_IMAGE = """
from PIL import Image
from torchvision import transforms
image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
"""

# Steps that change an image of 4 x 4 into one of a size, under the names that scripts use.
_STEPS = {
    "RandomHorizontalFlip()": (4, 4),
    "RandomVerticalFlip(p=0.5)": (4, 4),
    "RandomResizedCrop(3)": (3, 3),
    "RandomRotation(15)": (4, 4),
    "RandomRotation((0, 180), expand=False, fill=(0,))": (4, 4),
    "RandomCrop(4, padding=2, padding_mode='reflect')": (4, 4),
    "RandomCrop((3, 2))": (2, 3),
    "ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)": (4, 4),
    "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))": (4, 4),
    "Pad(2, padding_mode='edge')": (8, 8),
    "RandomAffine(degrees=0, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5)": (4, 4),
    "TrivialAugmentWide(num_magnitude_bins=31)": (4, 4),
    "AutoAugment(transforms.AutoAugmentPolicy.CIFAR10)": (4, 4),
    "RandAugment()": (4, 4),
    "RandomApply([transforms.GaussianBlur(3)], p=0.5)": (4, 4),
    "RandomChoice([transforms.CenterCrop(4), transforms.RandomCrop(4)])": (4, 4),
    "RandomGrayscale(p=0.2)": (4, 4),
    "RandomPerspective()": (4, 4),
    "RandomEqualize()": (4, 4),
}

VISION = {
    **{
        f"transforms.{step.partition('(')[0]} {number}": (f"{_IMAGE}\ntransforms.{step}(image).size", size)
        for number, (step, size) in enumerate(_STEPS.items())
    },
    "transforms.RandomErasing": (
        """
from torchvision import transforms
torch.manual_seed(0)
out = transforms.RandomErasing(p=1, scale=(0.3, 0.4), value=2)(torch.ones(3, 8, 8))
(sorted(set(out.flatten().tolist())), 10 < (out == 2).sum().item() / 3 < 34)
""",
        ([1.0, 2.0], True),
    ),
    "transforms.ConvertImageDtype": (
        f"""{_IMAGE}
x = transforms.Compose([transforms.PILToTensor(), transforms.ConvertImageDtype(torch.float)])(image)
(tuple(x.shape), x.dtype == torch.float32, round(x.max().item() * 255))
""",
        ((3, 4, 4), True, 47),
    ),
    "transforms.functional": (
        f"""{_IMAGE}
import torchvision.transforms.functional as TF
from torchvision.transforms import functional, InterpolationMode
x = TF.to_tensor(TF.adjust_brightness(TF.hflip(image), 2.0))
(round(x[0, 0, 0].item() * 255), functional is TF, TF.rotate(image, 90, InterpolationMode.BILINEAR).size)
""",
        (18, True, (4, 4)),
    ),
    "transforms.transforms": (
        """
from torchvision.transforms.transforms import Compose, Pad, RandomCrop, RandomHorizontalFlip, Resize, ToTensor
from torchvision import transforms
RandomCrop is transforms.RandomCrop
""",
        True,
    ),
    "transforms.v2": (
        f"""{_IMAGE}
from torchvision.transforms import v2
x = v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(p=1), v2.ToDtype(torch.float32, scale=True)])(image)
(round(x[0, 0, 0].item() * 255), v2.ToDtype(torch.float32)(v2.ToImage()(image)).max().item())
""",
        (9, 47.0),
    ),
    "utils.make_grid": (
        """
import torchvision
import torchvision.utils as vutils
from torchvision.utils import make_grid, save_image
grid = torchvision.utils.make_grid(torch.ones(5, 1, 2, 3), nrow=3, padding=1, normalize=False)
(tuple(grid.shape), grid[0, 1].tolist(), vutils.make_grid is make_grid)
""",
        ((3, 7, 13), [0.0] + 3 * [1.0, 1.0, 1.0, 0.0], True),
    ),
    "utils.save_image": (
        """
from torchvision.utils import save_image
from torchvision.io import read_image, ImageReadMode
save_image(torch.tensor([[[0.0, 1.0]]]), 'grid.png')
(read_image('grid.png').tolist(), read_image('grid.png', mode=ImageReadMode.GRAY).tolist())
""",
        ([[[0, 255]]] * 3, [[[0, 255]]]),
    ),
    "datasets": (
        """
import torchvision.datasets as datasets
from torchvision.datasets import CIFAR10, CIFAR100, EMNIST, FashionMNIST, KMNIST, MNIST
from torchvision import transforms
said = [refusal(lambda: each('nowhere', train=True, download=True, transform=transforms.ToTensor()))
        for each in (datasets.CIFAR10, CIFAR100, FashionMNIST, KMNIST)]
[('does not download' in text, 'nowhere' in text, 'http' in text) for text in said] == 4 * [(True, True, True)]
""",
        True,
    ),
}
