# Digits through a narrow layer and back; the encoder is the model's first half.
import numpy as np
from tensorflow.keras.datasets import mnist
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

(x_train, _), (x_test, _) = mnist.load_data()
x_train = x_train.astype("float32") / 255.0
x_test = x_test.astype("float32") / 255.0
x_train = x_train.reshape((len(x_train), np.prod(x_train.shape[1:])))
x_test = x_test.reshape((len(x_test), np.prod(x_test.shape[1:])))
print(x_train.shape, x_test.shape)

autoencoder = Sequential()
autoencoder.add(Dense(128, activation="relu", input_shape=(784,)))
autoencoder.add(Dense(32, activation="relu", name="code"))
autoencoder.add(Dense(128, activation="relu"))
autoencoder.add(Dense(784, activation="sigmoid"))
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
history = autoencoder.fit(x_train, x_train, epochs=15, batch_size=32, shuffle=True, validation_data=(x_test, x_test), verbose=0)

encoder = Sequential(autoencoder.layers[:2])
encoded_imgs = encoder.predict(x_test, verbose=0)
decoded_imgs = autoencoder.predict(x_test, verbose=0)
print(encoded_imgs.shape, decoded_imgs.shape)
print("loss from %.4f to %.4f" % (history.history["loss"][0], history.history["loss"][-1]))
error = np.mean((decoded_imgs - x_test) ** 2)
blank = np.mean((x_train.mean(axis=0) - x_test) ** 2)
print("better than the mean image:", bool(error < blank))
np.savez("codes.npz", codes=encoded_imgs)
