# Fuel efficiency: numbers to one number, a learning rate by the epoch, and training batch by batch.
import keras
import numpy as np
from keras import layers
from keras.callbacks import LearningRateScheduler

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
cars = np.stack([rng.integers(4, 9, 300), rng.uniform(50, 230, 300), rng.uniform(700, 2200, 300)], axis=1)
mpg = 48 - 1.1 * cars[:, 0] - 0.03 * cars[:, 1] - 0.008 * cars[:, 2] + rng.normal(0, 0.5, 300)
cars = (cars - cars.mean(axis=0)) / cars.std(axis=0)
train_x, test_x, train_y, test_y = cars[:240], cars[240:], mpg[:240], mpg[240:]


def build_model():
    model = keras.Sequential([
        layers.Input((3,)),
        layers.Dense(64, activation="relu", kernel_initializer="he_normal"),
        layers.Dense(1),
    ])
    model.compile(loss="mean_squared_error", optimizer=keras.optimizers.RMSprop(0.01), metrics=["mae"])
    return model


def scheduler(epoch, lr):
    if epoch < 20:
        return lr
    return lr * 0.9


model = build_model()
history = model.fit(train_x, train_y, epochs=40, batch_size=24, validation_split=0.2, verbose=0,
                    callbacks=[LearningRateScheduler(scheduler)])
print(sorted(history.history))
print("rates %.5f %.5f" % (history.history["learning_rate"][0], history.history["learning_rate"][-1]))
print("mse from %.2f to %.2f" % (history.history["loss"][0], history.history["loss"][-1]))
loss, mae = model.evaluate(test_x, test_y, verbose=0)
print("test mae %.2f" % mae)
print("predicted", model.predict(test_x[:4], verbose=0).flatten().shape)

model = build_model()
for epoch in range(15):
    for start in range(0, 240, 24):
        values = model.train_on_batch(train_x[start:start + 24], train_y[start:start + 24])
print("batch by batch: mae %.2f" % model.test_on_batch(test_x, test_y)[1])
