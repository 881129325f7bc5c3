"""Keras' words: Sequential, the functional form, callbacks of one's own."""

import numpy as np
from fastnn import keras
from fastnn.keras import Input, Model, callbacks, layers, models, optimizers
from fastnn.keras.utils import to_categorical


class Best(callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.loss = float("inf")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.loss = min(self.loss, (logs or {})["loss"])


x = np.random.default_rng(0).random((40, 4, 4)).astype("float32")
y = to_categorical(np.arange(40) % 3)
model = models.Sequential(
    [layers.Flatten(input_shape=(4, 4)), layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")]
)
model.compile(optimizer=optimizers.Adam(learning_rate=0.01), loss="categorical_crossentropy", metrics=["accuracy"])
best = Best()
stop = callbacks.EarlyStopping(monitor="val_loss", patience=2)
history = model.fit(x, y, epochs=2, batch_size=8, validation_split=0.25, callbacks=[best, stop], verbose=0)
assert len(history.history["loss"]) == 2 and best.loss < float("inf")
loss, accuracy = model.evaluate(x, y, verbose=0)
assert model.predict(x, verbose=0).shape == (40, 3)

inputs = Input(shape=(8,))
hidden = layers.Dense(4, activation="relu")(inputs)
outputs = layers.Dense(1)(layers.Dropout(0.1)(hidden))
functional = Model(inputs, outputs)
functional.compile("sgd", "mse")
assert keras.models.clone_model(functional).count_params() == functional.count_params()
