"""Rows of test_names.py: what is PyTorch's."""

# A weight at 1 whose gradient is 1 at each step, and the weight after each of two steps.
STEPPED = """
w = nn.Parameter(torch.ones(1))
optimizer = {}
def step():
    optimizer.zero_grad()
    w.sum().backward()
    optimizer.step()
    return round(w.item(), 4)
[step(), step()]
"""

# The learning rate in each of so many epochs.
RATES = """
optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
scheduler = {}
def epoch(*metrics):
    rate = optimizer.param_groups[0]["lr"]
    optimizer.step()
    scheduler.step(*metrics)
    return round(rate, 4)
{}
"""

_LOGITS = """
x, t = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
"""

TORCH = {
    # -- tensors -----------------------------------------------------------------------------------------------------
    "Tensor.view_as": ("torch.arange(6).view_as(torch.ones(2, 3)).tolist()", [[0, 1, 2], [3, 4, 5]]),
    "autograd.Variable": (
        """
x = Variable(torch.ones(2), requires_grad=True)
(3 * x).sum().backward()
(x.grad.tolist(), x.data.tolist())
""",
        ([3.0, 3.0], [1.0, 1.0]),
    ),
    "Variable(volatile=)": (
        """
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    x = Variable(torch.ones(2), volatile=True)
(x.tolist(), 'torch.no_grad()' in str(said[0].message))
""",
        ([1.0, 1.0], True),
    ),
    "FloatTensor": (
        """
x = torch.FloatTensor([1, 2])
(str(x.dtype), x.tolist())
""",
        ("torch.float32", [1.0, 2.0]),
    ),
    "FloatTensor of a size": ("torch.FloatTensor(2, 3).shape == torch.Size([2, 3])", True),
    "LongTensor": (
        """
x = torch.LongTensor([1, 2])
(str(x.dtype), x.tolist())
""",
        ("torch.int64", [1, 2]),
    ),
    "Generator": (
        """
one, two = (torch.rand(3, generator=torch.Generator().manual_seed(5)) for _ in range(2))
torch.equal(one, two)
""",
        True,
    ),
    "Generator(device=)": ("torch.Generator(device='cpu').manual_seed(3).initial_seed()", 3),
    "Tensor.type": (
        """
x = torch.ones(2)
(x.type(), str(x.type(torch.LongTensor).dtype), str(x.type('torch.DoubleTensor').dtype))
""",
        ("torch.FloatTensor", "torch.int64", "torch.float64"),
    ),
    "Tensor.type(dtype)": ("str(torch.ones(2).type(torch.int64).dtype)", "torch.int64"),
    "backends.cudnn.deterministic": (
        """
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.deterministic
""",
        True,
    ),
    "backends.cudnn.benchmark": (
        """
torch.backends.cudnn.benchmark = False
torch.backends.cudnn.benchmark
""",
        False,
    ),
    "import torch.backends.cudnn": (
        """
import torch.backends.cudnn as cudnn
(cudnn.is_available(), cudnn.enabled)
""",
        (False, True),
    ),
    "inference_mode": (
        """
with torch.inference_mode():
    y = nn.Linear(2, 1)(torch.ones(2))
y.requires_grad
""",
        False,
    ),
    "inference_mode, on a function": (
        """
@torch.inference_mode()
def f(x): return x * 2
f(torch.ones(1, requires_grad=True)).requires_grad
""",
        False,
    ),
    "backends.mps.is_available": ("torch.backends.mps.is_available()", False),
    "accelerator": ("(torch.accelerator.is_available(), torch.accelerator.current_accelerator())", (False, None)),
    "cuda": (
        "(torch.cuda.is_available(), torch.cuda.device_count(), str(torch.device('cuda:0' if 0 else 'cpu')))",
        (False, 0, "cpu"),
    ),
    "Tensor.normal_": (
        """
x = torch.empty(10000).normal_(3, 0.5)
(abs(x.mean().item() - 3) < 0.02, abs(x.std().item() - 0.5) < 0.02)
""",
        (True, True),
    ),
    "tensor(device=)": ("torch.tensor([1.0], device=torch.device('cpu')).tolist()", [1.0]),
    "randn(device=)": ("torch.randn(2, 3, device='cpu').shape == torch.Size((2, 3))", True),
    "randn(size=)": ("torch.randn(size=(2, 3)).shape == torch.Size((2, 3))", True),
    "Tensor.expand_as": ("torch.tensor([1, 2]).expand_as(torch.ones(2, 2)).tolist()", [[1, 2], [1, 2]]),
    "max(axis=)": (
        """
values, places = torch.max(torch.tensor([[1.0, 5.0], [4.0, 2.0]]), axis=1)
(values.tolist(), places.tolist())
""",
        ([5.0, 4.0], [1, 0]),
    ),
    "eq": ("torch.eq(torch.tensor([1, 2]), torch.tensor([1, 3])).tolist()", [True, False]),
    "Tensor.std": ("(torch.tensor([1.0, 3.0]).std().item() - 2 ** 0.5) < 1e-6", True),
    "std(dim=, unbiased=)": ("torch.tensor([[1.0, 3.0]]).std(dim=1, unbiased=False).tolist()", [1.0]),
    "bmm": ("torch.bmm(torch.ones(1, 1, 2), 3 * torch.ones(1, 2, 1)).tolist()", [[[6.0]]]),
    "sign": ("torch.sign(torch.tensor([-2.0, 0.0, 3.0])).tolist()", [-1.0, 0.0, 1.0]),
    "Tensor.round": ("torch.tensor([0.5, 1.5, 2.4]).round().tolist()", [0.0, 2.0, 2.0]),
    "round(decimals=)": (
        "torch.round(torch.tensor([0.26, 1.74]), decimals=1).tolist() == torch.tensor([0.3, 1.7]).tolist()",
        True,
    ),
    "abs": ("(torch.abs(torch.tensor([-1.0])).tolist(), abs(torch.tensor([-2])).tolist())", ([1.0], [2])),
    "set_default_tensor_type": (
        """
torch.set_default_tensor_type('torch.FloatTensor')
(str(torch.ones(1).dtype), 'dtype=float64' in refusal(lambda: torch.set_default_tensor_type(torch.DoubleTensor)))
""",
        ("torch.float32", True),
    ),
    "normal": ("torch.normal(torch.zeros(3), torch.zeros(3)).tolist()", [0.0, 0.0, 0.0]),
    "normal(size)": ("torch.normal(5.0, 0.0, (2,)).tolist()", [5.0, 5.0]),
    "square": ("torch.square(torch.tensor([-3.0])).tolist()", [9.0]),
    "Tensor.clamp": ("torch.tensor([-1.0, 0.5, 2.0]).clamp(0, 1).tolist()", [0.0, 0.5, 1.0]),
    "clamp(min=)": ("torch.clamp(torch.tensor([-1.0, 2.0]), min=0).tolist()", [0.0, 2.0]),
    "Tensor.fill_": ("torch.empty(2).fill_(7).tolist()", [7.0, 7.0]),
    "save(f=)": (
        """
torch.save(obj={'a': 1}, f='saved.pth')
torch.load(f='saved.pth')
""",
        {"a": 1},
    ),
    "cat(axis=)": ("torch.cat([torch.tensor([[1]]), torch.tensor([[2]])], axis=1).tolist()", [[1, 2]]),
    "Tensor.topk": (
        """
values, places = torch.tensor([1.0, 3.0, 2.0]).topk(2)
(values.tolist(), places.tolist())
""",
        ([3.0, 2.0], [1, 2]),
    ),
    "topk(k, 1, True, True)": ("torch.tensor([[1.0, 3.0]]).topk(1, 1, True, True)[1].t().tolist()", [[1]]),
    "amp": (
        """
scaler = torch.amp.GradScaler(enabled=False)
with torch.amp.autocast('cuda', enabled=False):
    y = torch.ones(1) * 2
(y.tolist(), scaler.scale(y).tolist(), scaler.is_enabled())
""",
        ([2.0], [2.0], False),
    ),
    "cuda.amp": (
        """
from torch.cuda.amp import GradScaler, autocast
from torch.cuda.amp.grad_scaler import GradScaler as longer
from torch.cuda.amp.autocast_mode import autocast as other
(longer is GradScaler, other is autocast)
""",
        (True, True),
    ),
    "& | ~ ^": (
        """
a, b = torch.tensor([True, True, False]), torch.tensor([True, False, False])
((a & b).tolist(), (a | b).tolist(), (~a).tolist(), (a ^ b).tolist())
""",
        ([True, False, False], [True, True, False], [False, False, True], [False, True, False]),
    ),
    "// %": (
        """
x = torch.tensor([-7.0, 7.0])
((x // 2).tolist(), (x % 4).tolist())
""",
        ([-4.0, 3.0], [1.0, 3.0]),
    ),
    "Tensor.to(non_blocking=)": ("torch.ones(1).to('cpu', non_blocking=True).tolist()", [1.0]),
    "Tensor.to(device, dtype)": ("str(torch.ones(1).to('cpu', torch.float64).dtype)", "torch.float64"),
    "in place": ("torch.ones(1).mul_(3).add_(4).sub_(1).div_(2).tolist()", [3.0]),
    "add_(alpha=)": ("torch.ones(1).add_(torch.ones(1), alpha=-0.5).tolist()", [0.5]),
    "randn_like": ("torch.randn_like(torch.ones(2, 3)).shape == torch.Size((2, 3))", True),
    "Tensor.split": ("[part.tolist() for part in torch.arange(5).split(2)]", [[0, 1], [2, 3], [4]]),
    # -- losses, activations, initialisers, hooks --------------------------------------------------------------------
    "BCELoss": ("round(nn.BCELoss()(torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0])).item(), 4)", 0.4904),
    "F.binary_cross_entropy": (
        "round(F.binary_cross_entropy(torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0]), reduction='sum').item(), 4)",
        0.9808,
    ),
    "CrossEntropyLoss(label_smoothing=)": (
        _LOGITS + "round(nn.CrossEntropyLoss(label_smoothing=0.1)(x, t).item(), 4)",
        0.2951,
    ),
    "CrossEntropyLoss(weight=)": (
        _LOGITS + "round(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]))(x, t).item(), 4)",
        0.2667,
    ),
    "CrossEntropyLoss(ignore_index=)": (
        _LOGITS + "round(nn.CrossEntropyLoss(ignore_index=1)(x, t).item(), 4)",
        0.1269,
    ),
    "CrossEntropyLoss of probabilities": (
        _LOGITS + "round(nn.CrossEntropyLoss()(x, torch.tensor([[1.0, 0.0], [0.5, 0.5]])).item(), 4)",
        0.4701,
    ),
    "CrossEntropyLoss(reduction=)": (
        _LOGITS + "[round(loss, 4) for loss in nn.CrossEntropyLoss(reduction='none')(x, t).tolist()]",
        [0.1269, 0.3133],
    ),
    "modules.loss.CrossEntropyLoss": (
        """
from torch.nn.modules.loss import CrossEntropyLoss
(CrossEntropyLoss is nn.CrossEntropyLoss, nn.modules.loss.CrossEntropyLoss is nn.CrossEntropyLoss)
""",
        (True, True),
    ),
    "BCEWithLogitsLoss(pos_weight=)": (
        """
loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))
round(loss(torch.zeros(2, 1), torch.tensor([[1.0], [0.0]])).item(), 4)
""",
        1.3863,
    ),
    "L1Loss": ("nn.L1Loss()(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0])).item()", 1.5),
    "SmoothL1Loss": ("nn.SmoothL1Loss()(torch.tensor([0.5, 4.0]), torch.tensor([0.0, 2.0])).item()", 0.8125),
    "NLLLoss": ("nn.NLLLoss()(torch.tensor([[-0.5, -1.0]]), torch.tensor([1])).item()", 1.0),
    "LeakyReLU": (
        "(nn.LeakyReLU(0.5)(torch.tensor([-2.0, 2.0])).tolist(), str(nn.LeakyReLU()))",
        ([-1.0, 2.0], "LeakyReLU(negative_slope=0.01)"),
    ),
    "F.leaky_relu": ("F.leaky_relu(torch.tensor([-2.0, 2.0]), 0.5, inplace=True).tolist()", [-1.0, 2.0]),
    "ELU": ("[round(y, 4) for y in nn.ELU()(torch.tensor([-1.0, 2.0])).tolist()]", [-0.6321, 2.0]),
    "F.normalize": ("F.normalize(torch.tensor([[3.0, 4.0]])).tolist() == torch.tensor([[0.6, 0.8]]).tolist()", True),
    "Module.register_forward_hook": (
        """
seen, layer = [], nn.ReLU()
handle = layer.register_forward_hook(lambda module, inputs, output: seen.append(output.tolist()))
layer(torch.tensor([-1.0]))
handle.remove()
layer(torch.tensor([1.0]))
seen
""",
        [[0.0]],
    ),
    "init.normal_": (
        """
x = nn.init.normal_(torch.empty(100, 100), mean=2.0, std=0.1)
abs(x.mean().item() - 2) < 0.01
""",
        True,
    ),
    "init.kaiming_normal_": (
        """
x = nn.init.kaiming_normal_(torch.empty(200, 50), mode='fan_in', nonlinearity='relu')
abs(x.std().item() - 0.2) < 0.01
""",
        True,
    ),
    "init.xavier_uniform_": ("nn.init.xavier_uniform_(torch.empty(3, 3)).abs().max().item() <= 1", True),
    "init.constant_": ("nn.init.constant_(torch.empty(2), 0.1).tolist() == torch.full((2,), 0.1).tolist()", True),
    # -- layers ------------------------------------------------------------------------------------------------------
    "ModuleList": (
        """
layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
(len(list(layers.parameters())), str(layers))
""",
        (6, "ModuleList(\n  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n)"),
    ),
    "ModuleDict": ("sorted(nn.ModuleDict({'b': nn.ReLU(), 'a': nn.Tanh()}).keys())", ["a", "b"]),
    "Unflatten": ("nn.Unflatten(1, (1, 2, 2))(torch.arange(4).reshape(1, 4)).tolist()", [[[[0, 1], [2, 3]]]]),
    "LayerNorm": ("nn.LayerNorm(2, eps=0)(torch.tensor([[1.0, 3.0]])).tolist()", [[-1.0, 1.0]]),
    "GroupNorm": ("nn.GroupNorm(1, 2, eps=0)(torch.tensor([[1.0, 3.0]])).tolist()", [[-1.0, 1.0]]),
    "Embedding": (
        """
layer = nn.Embedding(3, 2, padding_idx=0)
(layer(torch.LongTensor([[0, 0]])).tolist(), list(layer.weight.shape))
""",
        ([[[0.0, 0.0], [0.0, 0.0]]], [3, 2]),
    ),
    "ZeroPad2d": ("nn.ZeroPad2d((1, 0, 0, 0))(torch.ones(1, 1, 1, 1)).tolist()", [[[[0.0, 1.0]]]]),
    "F.pad": ("F.pad(torch.ones(1), (1, 1), 'constant', 2).tolist()", [2.0, 1.0, 2.0]),
    "Upsample": ("nn.Upsample(scale_factor=2)(torch.tensor([[[1.0, 2.0]]])).tolist()", [[[1.0, 1.0, 2.0, 2.0]]]),
    "F.interpolate": (
        "F.interpolate(torch.tensor([[[1.0, 2.0]]]), size=3, mode='nearest').tolist()",
        [[[1.0, 1.0, 2.0]]],
    ),
    "F.dropout": (
        """
y = F.dropout(torch.ones(1000), p=0.5, training=True)
(sorted(set(y.tolist())), F.dropout(y, training=False) is y)
""",
        ([0.0, 2.0], True),
    ),
    "Dropout2d": ("sorted(set(nn.Dropout2d(0.5)(torch.ones(9, 9, 2, 2)).sum((2, 3)).view(-1).tolist()))", [0.0, 8.0]),
    "F.one_hot": ("F.one_hot(torch.tensor([0, 2]), num_classes=3).tolist()", [[1, 0, 0], [0, 0, 1]]),
    "GELU SiLU Softplus Hardtanh ReLU6 PReLU": (
        """
kinds = (nn.GELU, nn.SiLU, nn.Softplus, nn.Hardtanh, nn.ReLU6, nn.PReLU)
[round(kind()(torch.tensor([7.0])).item(), 4) for kind in kinds]
""",
        [7.0, 6.9936, 7.0009, 1.0, 6.0, 7.0],
    ),
    "utils.clip_grad_norm_": (
        """
from torch.nn.utils import clip_grad_norm_
w = nn.Parameter(torch.zeros(2))
(w * torch.tensor([3.0, 4.0])).sum().backward()
total = nn.utils.clip_grad_norm_([w], max_norm=1.0)
(total.item(), [round(g, 4) for g in w.grad.tolist()], clip_grad_norm_ is nn.utils.clip_grad_norm_)
""",
        (5.0, [0.6, 0.8], True),
    ),
    "utils.clip_grad_value_": (
        """
w = nn.Parameter(torch.zeros(2))
(w * torch.tensor([3.0, -4.0])).sum().backward()
nn.utils.clip_grad_value_([w], 0.5)
w.grad.tolist()
""",
        [0.5, -0.5],
    ),
    "utils.parameters_to_vector": ("nn.utils.parameters_to_vector(nn.Linear(3, 2).parameters()).numel()", 8),
    "Module.register_buffer": (
        """
layer = nn.ReLU()
layer.register_buffer("mean", torch.ones(2))
layer.register_buffer("other", torch.ones(2), persistent=False)
(list(layer.state_dict()), len(list(layer.buffers())), layer.double().mean.dtype == torch.float64)
""",
        (["mean"], 2, True),
    ),
    "Module.apply": (
        """
def init(m):
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 2.0)
nn.Sequential(nn.Linear(1, 1), nn.ReLU()).apply(init)[0].weight.tolist()
""",
        [[2.0]],
    ),
    "Module.half": ("'float32' in refusal(lambda: nn.Linear(1, 1).half())", True),
    # -- optimizers and schedulers -----------------------------------------------------------------------------------
    "SGD": (STEPPED.format("optim.SGD([w], lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)"), [0.791, 0.4969]),
    "Adam": (STEPPED.format("optim.Adam([w], lr=0.1, betas=(0.9, 0.999))"), [0.9, 0.8]),
    "AdamW": (STEPPED.format("optim.AdamW([w], lr=0.1, weight_decay=0.1)"), [0.89, 0.7811]),
    "RMSprop": (STEPPED.format("optim.RMSprop([w], lr=0.01, alpha=0.99)"), [0.9, 0.8291]),
    "Adadelta": (STEPPED.format("optim.Adadelta([w], lr=100.0, rho=0.9)"), [0.6838, 0.3593]),
    "Adagrad": (STEPPED.format("optim.Adagrad([w], lr=0.1)"), [0.9, 0.8293]),
    "Adamax": (STEPPED.format("optim.Adamax([w], lr=0.1)"), [0.9, 0.8]),
    "NAdam": (STEPPED.format("optim.NAdam([w], lr=0.1)"), [0.8944, 0.816]),
    "RAdam": (STEPPED.format("optim.RAdam([w], lr=0.1)"), [0.9, 0.8]),
    "optim.optimizer": (
        """
from torch.optim.optimizer import Optimizer
(Optimizer is optim.Optimizer, isinstance(optim.SGD([nn.Parameter(torch.ones(1))], lr=1), Optimizer))
""",
        (True, True),
    ),
    "parameter groups": (
        """
a, b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
optimizer = optim.SGD([{'params': [a]}, {'params': b, 'lr': 0.5}], lr=0.25)
(a + b).sum().backward()
optimizer.step()
(a.item(), b.item())
""",
        (0.75, 0.5),
    ),
    "StepLR": (
        RATES.format("optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.1)", "[epoch() for _ in range(5)]"),
        [1.0, 1.0, 0.1, 0.1, 0.01],
    ),
    "LambdaLR": (
        RATES.format("optim.lr_scheduler.LambdaLR(optimizer, lambda n: 0.5 ** n)", "[epoch() for _ in range(3)]"),
        [1.0, 0.5, 0.25],
    ),
    "ReduceLROnPlateau": (
        RATES.format(
            "optim.lr_scheduler.ReduceLROnPlateau(optimizer, 'min', factor=0.5, patience=1)",
            "[epoch(1.0) for _ in range(5)]",
        ),
        [1.0, 1.0, 1.0, 0.5, 0.5],
    ),
    "CosineAnnealingWarmRestarts": (
        RATES.format("optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)", "[epoch() for _ in range(4)]"),
        [1.0, 0.5, 1.0, 0.5],
    ),
    "LRScheduler.step(epoch)": (
        """
import warnings
warnings.simplefilter('ignore')
"""
        + RATES.format("optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.1)", "[epoch(n) for n in (1, 2, 3)]"),
        [1.0, 1.0, 0.1],
    ),
    "LRScheduler.state_dict": (
        RATES.format(
            "optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.1)",
            """
state = (epoch(), scheduler.state_dict())[1]
other = optim.lr_scheduler.StepLR(optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0), 7)
other.load_state_dict(state)
(state['last_epoch'], other.step_size, other.gamma)
""",
        ),
        (1, 2, 0.1),
    ),
    # -- data, summaries ---------------------------------------------------------------------------------------------
    "SubsetRandomSampler": (
        """
from torch.utils.data.sampler import SubsetRandomSampler
from torch.utils.data import SubsetRandomSampler as other
(sorted(SubsetRandomSampler([4, 2, 7])), other is SubsetRandomSampler)
""",
        ([2, 4, 7], True),
    ),
    "utils.data.dataset.Dataset": (
        """
from torch.utils.data.dataset import Dataset
from torch.utils.data import Dataset as other, DataLoader
other is Dataset
""",
        True,
    ),
    "SummaryWriter": (
        """from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.writer import SummaryWriter as longer
import os
writer = SummaryWriter('logs')
writer.add_scalar('loss', 1.0, 0)
writer.add_images('images', torch.zeros(2, 1, 4, 4))
writer.add_graph(nn.Linear(2, 1), torch.ones(1, 2))
writer.add_hparams({'lr': 0.1}, {'loss': 1.0})
writer.close()
sizes = [os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk('logs') for name in names]
(longer is SummaryWriter, max(sizes) > 100)""",
        (True, True),
    ),
}
