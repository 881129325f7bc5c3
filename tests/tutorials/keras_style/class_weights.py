# Few of one class, many of the other: class weights, and callbacks that watch the validation data.
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
n_neg, n_pos = 900, 60
features = np.concatenate([rng.normal(0.0, 1.0, (n_neg, 6)), rng.normal(1.2, 1.0, (n_pos, 6))]).astype("float32")
labels = np.concatenate([np.zeros(n_neg), np.ones(n_pos)]).astype("float32")
order = rng.permutation(len(labels))
features, labels = features[order], labels[order]
x_train, y_train = features[:600], labels[:600]
x_val, y_val = features[600:780], labels[600:780]
x_test, y_test = features[780:], labels[780:]

counts = np.bincount(y_train.astype(int))
print("Number of positive samples in training data: {} ({:.2f}% of total)".format(
    counts[1], 100 * float(counts[1]) / len(y_train)))
class_weight = {0: len(y_train) / (2.0 * counts[0]), 1: len(y_train) / (2.0 * counts[1])}


def make_model():
    model = keras.Sequential([
        keras.Input(shape=(x_train.shape[-1],)),
        layers.Dense(32, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(32, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-2), loss="binary_crossentropy", metrics=["accuracy"])
    return model


model = make_model()
callbacks = [
    EarlyStopping(monitor="val_loss", patience=6, restore_best_weights=True, verbose=0),
    ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=2, min_lr=1e-4),
    ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True),
    CSVLogger("training.csv"),
]
history = model.fit(x_train, y_train, batch_size=64, epochs=30, verbose=2, callbacks=callbacks,
                    validation_data=(x_val, y_val), class_weight=class_weight)


def recall(model):
    predictions = (model.predict(x_test, verbose=0) > 0.5).astype("int32").flatten()
    return float((predictions[y_test == 1] == 1).mean())


plain = make_model()
plain.fit(x_train, y_train, batch_size=64, epochs=len(history.epoch), verbose=0)
print("epochs", len(history.epoch), "of 30")
print("best val_loss %.4f" % min(history.history["val_loss"]))
print("restored %.4f" % model.evaluate(x_val, y_val, verbose=0)[0])
print("in the file %.4f" % keras.models.load_model("best.keras").evaluate(x_val, y_val, verbose=0)[0])
print("positives found: %.2f with weights, %.2f without" % (recall(model), recall(plain)))
