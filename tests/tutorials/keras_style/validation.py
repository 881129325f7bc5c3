import tensorflow as tf
from tensorflow.keras.callbacks import EarlyStopping, ModelCheckpoint

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0

model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Flatten(input_shape=(28, 28)),
        tf.keras.layers.Dense(128, activation="relu"),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10),
        tf.keras.layers.Activation("softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["acc"])
history = model.fit(
    x_train,
    y_train,
    batch_size=64,
    epochs=5,
    validation_split=0.2,
    verbose=2,
    callbacks=[EarlyStopping(patience=3), ModelCheckpoint("best.keras", save_best_only=True)],
)
print(sorted(history.history))
for epoch in history.epoch:
    acc, val_acc = history.history["acc"][epoch], history.history["val_acc"][epoch]
    print(f"epoch {epoch + 1}: acc {acc:.4f} val_acc {val_acc:.4f}")
print(model.evaluate(x_test, y_test, verbose=0))
best = tf.keras.models.load_model("best.keras")
probabilities = best.predict(x_test[:5])
print(probabilities.shape, probabilities.argmax(axis=1), y_test[:5])
