import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

data = np.load("cats_and_dogs.npz")
train_images, train_labels = data["train_images"], data["train_labels"]
validation_images, validation_labels = data["validation_images"], data["validation_labels"]
print(train_images.shape, train_images.dtype)

inputs = keras.Input(shape=(48, 48, 3))
x = layers.Rescaling(1.0 / 255)(inputs)
x = layers.Conv2D(filters=8, kernel_size=3, activation="relu")(x)
x = layers.MaxPooling2D(pool_size=2)(x)
x = layers.Conv2D(filters=16, kernel_size=3, activation="relu")(x)
x = layers.MaxPooling2D(pool_size=2)(x)
x = layers.Conv2D(filters=32, kernel_size=3, activation="relu")(x)
x = layers.MaxPooling2D(pool_size=2)(x)
x = layers.Conv2D(filters=32, kernel_size=3, activation="relu")(x)
x = layers.Flatten()(x)
x = layers.Dropout(0.5)(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs=inputs, outputs=outputs)
model.summary()

model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
callbacks = [keras.callbacks.ModelCheckpoint(filepath="convnet.keras", save_best_only=True, monitor="val_loss")]
history = model.fit(
    train_images,
    train_labels,
    epochs=15,
    validation_data=(validation_images, validation_labels),
    callbacks=callbacks,
    verbose=2,
)

test_model = keras.models.load_model("convnet.keras")
test_loss, test_acc = test_model.evaluate(validation_images, validation_labels, verbose=0)
print(f"Test accuracy: {test_acc:.3f}")
print("best", min(history.history["val_loss"]) == test_loss)
probabilities = test_model.predict(validation_images[:4], verbose=0)
print(probabilities.shape, (probabilities > 0.5).astype(int).ravel() == validation_labels[:4])
