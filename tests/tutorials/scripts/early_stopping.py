# A loop as larger projects have it: validation, early stopping, checkpoints with everything, and going on from one.
import copy
import os
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset


class EarlyStopping:
    """Stops the training when the validation loss has not become better for a while."""

    def __init__(self, patience=7, delta=0.0, path='best.pt'):
        self.patience = patience
        self.delta = delta
        self.path = path
        self.counter = 0
        self.best_score = None
        self.early_stop = False
        self.val_loss_min = np.inf

    def __call__(self, val_loss, state):
        score = -val_loss
        if self.best_score is None or score > self.best_score + self.delta:
            self.best_score = score
            self.save_checkpoint(val_loss, state)
            self.counter = 0
        else:
            self.counter += 1
            if self.counter >= self.patience:
                self.early_stop = True

    def save_checkpoint(self, val_loss, state):
        torch.save(state, self.path)
        self.val_loss_min = val_loss


class Classifier(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.drop = nn.Dropout(p=0.2)
        self.out = nn.Linear(n_hidden, n_out)

    def forward(self, x):
        return self.out(self.drop(F.relu(self.hidden(x))))


def make_data(n=300):
    rng = np.random.RandomState(0)
    y = rng.randint(0, 3, n)
    centers = np.array([[0, 2, 1, 0], [2, 0, 0, 1], [-2, -1, 1, 2]])
    x = centers[y] + rng.randn(n, 4) * 0.9
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.from_numpy(y).long())


def run_epoch(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    total_loss, correct, count = 0.0, 0, 0
    with torch.set_grad_enabled(training):
        for x, y in loader:
            logits = model(x)
            loss = criterion(logits, y)
            if training:
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * y.size(0)
            correct += (logits.argmax(1) == y).sum().item()
            count += y.size(0)
    return total_loss / count, correct / count


def main():
    torch.manual_seed(8)
    data = make_data()
    train_loader = DataLoader(Subset(data, range(240)), batch_size=16, shuffle=True, drop_last=True)
    val_loader = DataLoader(Subset(data, range(240, 300)), batch_size=60)
    model = Classifier(4, 32, 3)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.98)
    stopping = EarlyStopping(patience=4, path='best.pt')
    start_epoch, history = 0, {'train_loss': [], 'val_loss': []}

    if '--resume' in sys.argv and os.path.isfile('best.pt'):
        checkpoint = torch.load('best.pt', map_location='cpu')
        model.load_state_dict(checkpoint['model_state_dict'])
        optimizer.load_state_dict(checkpoint['optimizer_state_dict'])
        scheduler.load_state_dict(checkpoint['scheduler_state_dict'])
        start_epoch, history = checkpoint['epoch'], checkpoint['history']
        val_loss, _ = run_epoch(model, val_loader, criterion)
        print(f"resumed after epoch {start_epoch}, val_loss {val_loss:.6f} was {checkpoint['loss']:.6f}")
        print(f"lr {optimizer.param_groups[0]['lr']:.6f} momentum of {len(optimizer.state)} parameters")

    for epoch in range(start_epoch + 1, 201):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run_epoch(model, val_loader, criterion)
        scheduler.step()
        history['train_loss'].append(train_loss)
        history['val_loss'].append(val_loss)
        print(f'epoch {epoch} train_loss {train_loss:.4f} val_loss {val_loss:.4f} val_acc {val_acc:.3f}')
        stopping(val_loss, {
            'epoch': epoch,
            'model_state_dict': copy.deepcopy(model.state_dict()),
            'optimizer_state_dict': optimizer.state_dict(),
            'scheduler_state_dict': scheduler.state_dict(),
            'loss': val_loss,
            'history': history,
        })
        if stopping.early_stop:
            print('Early stopping')
            break

    best = torch.load('best.pt')
    model.load_state_dict(best['model_state_dict'])
    _, accuracy = run_epoch(model, val_loader, criterion)
    print(f"best epoch {best['epoch']} of {epoch}, accuracy {accuracy:.3f}")


if __name__ == '__main__':
    main()
