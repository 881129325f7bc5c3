# Iris flowers from a CSV file with pandas.
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F

df = pd.read_csv('iris.csv')
print(df.shape, list(df.columns))
df['species'] = df['species'].map({'setosa': 0, 'versicolor': 1, 'virginica': 2})
df = df.sample(frac=1, random_state=7).reset_index(drop=True)

X = df.drop('species', axis=1).values
y = df['species'].values
split = int(0.8 * len(df))
X_train, X_test = torch.FloatTensor(X[:split]), torch.FloatTensor(X[split:])
y_train, y_test = torch.LongTensor(y[:split]), torch.LongTensor(y[split:])


class Model(nn.Module):
    def __init__(self, in_features=4, h1=8, h2=9, out_features=3):
        super().__init__()
        self.fc1 = nn.Linear(in_features, h1)
        self.fc2 = nn.Linear(h1, h2)
        self.out = nn.Linear(h2, out_features)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.out(x)


torch.manual_seed(41)
model = Model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

losses = []
for i in range(300):
    y_pred = model.forward(X_train)
    loss = criterion(y_pred, y_train)
    losses.append(loss.detach().numpy())
    if i % 50 == 0:
        print(f'Epoch: {i} and loss: {loss}')
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    y_eval = model.forward(X_test)
    loss = criterion(y_eval, y_test)
print('test loss', float(loss))

correct = 0
with torch.no_grad():
    for i, data in enumerate(X_test):
        y_val = model.forward(data)
        if y_val.argmax().item() == y_test[i]:
            correct += 1
print(f'We got {correct} of {len(X_test)} correct')

pd.DataFrame({'loss': [float(l) for l in losses]}).to_csv('losses.csv', index=False)
new_iris = torch.tensor([4.7, 3.2, 1.3, 0.2])
with torch.no_grad():
    print(['setosa', 'versicolor', 'virginica'][model(new_iris).argmax().item()])
