from tensorflow.keras import layers, models
from tensorflow.keras.datasets import mnist

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape((-1, 28, 28, 1)) / 255.0
x_test = x_test.reshape((-1, 28, 28, 1)) / 255.0

model = models.Sequential(name="lenet")
model.add(layers.Conv2D(6, kernel_size=(5, 5), activation="tanh", padding="same", input_shape=(28, 28, 1)))
model.add(layers.AveragePooling2D(pool_size=(2, 2), strides=(2, 2)))
model.add(layers.Conv2D(16, kernel_size=(5, 5), activation="tanh", padding="valid"))
model.add(layers.AveragePooling2D(pool_size=(2, 2), strides=(2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(120, activation="tanh"))
model.add(layers.Dense(84, activation="tanh"))
model.add(layers.Dense(10, activation="softmax"))
model.summary()

model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=8, batch_size=32, validation_split=0.1, verbose=2)
print(sorted(history.history))
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"accuracy {accuracy:.4f}")
kernels, biases = model.layers[0].get_weights()
print(kernels.shape, biases.shape, model.layers[2].output.shape)
model.save_weights("lenet.weights.h5")
