# Keras' example of a convolutional autoencoder: noise is taken out of digits, by transposed convolutions.
import numpy as np
from tensorflow.keras import layers
from tensorflow.keras.datasets import mnist
from tensorflow.keras.models import Model


def preprocess(array):
    """Normalizes the supplied array and reshapes it."""
    array = array.astype("float32") / 255.0
    array = np.reshape(array, (len(array), 28, 28, 1))
    return array


def noise(array):
    """Adds random noise to each image in the supplied array."""
    noise_factor = 0.4
    noisy_array = array + noise_factor * np.random.normal(loc=0.0, scale=1.0, size=array.shape)
    return np.clip(noisy_array, 0.0, 1.0)


np.random.seed(0)
(train_data, _), (test_data, _) = mnist.load_data()
train_data = preprocess(train_data)
test_data = preprocess(test_data)
noisy_train_data = noise(train_data)
noisy_test_data = noise(test_data)

input = layers.Input(shape=(28, 28, 1))

# Encoder
x = layers.Conv2D(16, (3, 3), activation="relu", padding="same")(input)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2D(16, (3, 3), activation="relu", padding="same")(x)
x = layers.MaxPooling2D((2, 2), padding="same", name="code")(x)

# Decoder
x = layers.Conv2DTranspose(16, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2DTranspose(16, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)

# Autoencoder
autoencoder = Model(input, x)
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.summary()

autoencoder.fit(x=train_data, y=train_data, epochs=8, batch_size=32, shuffle=True, validation_data=(test_data, test_data), verbose=0)
history = autoencoder.fit(x=noisy_train_data, y=train_data, epochs=8, batch_size=32, shuffle=True, validation_data=(noisy_test_data, test_data), verbose=0)
predictions = autoencoder.predict(noisy_test_data, verbose=0)
print("loss from %.4f to %.4f" % (history.history["val_loss"][0], history.history["val_loss"][-1]))
print("error %.4f of noise %.4f" % (np.mean((predictions - test_data) ** 2), np.mean((noisy_test_data - test_data) ** 2)))

maps = Model(autoencoder.inputs, [autoencoder.get_layer("code").output, autoencoder.output])
code, again = maps.predict(noisy_test_data, verbose=0)
print(code.shape, again.shape, "the same", bool((again == predictions).all()))
autoencoder.save("autoencoder.keras")
