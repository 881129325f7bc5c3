# The classic: pictures of cats and dogs in folders, changed at random as they are read, and curves of the training.
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from tensorflow.keras import layers, models, optimizers
from tensorflow.keras.preprocessing import image
from tensorflow.keras.preprocessing.image import ImageDataGenerator

train_dir, validation_dir, test_dir = "data/train", "data/validation", "data/test"
batch_size = 20

train_datagen = ImageDataGenerator(
    rescale=1. / 255,
    rotation_range=20,
    width_shift_range=0.1,
    height_shift_range=0.1,
    shear_range=0.2,
    zoom_range=0.2,
    horizontal_flip=True,
    fill_mode="nearest")
test_datagen = ImageDataGenerator(rescale=1. / 255)

train_generator = train_datagen.flow_from_directory(
    train_dir, target_size=(32, 32), batch_size=batch_size, class_mode="binary")
validation_generator = test_datagen.flow_from_directory(
    validation_dir, target_size=(32, 32), batch_size=batch_size, class_mode="binary")
print(train_generator.class_indices, train_generator.image_shape)

for data_batch, labels_batch in train_generator:
    print("data batch shape:", data_batch.shape)
    print("labels batch shape:", labels_batch.shape)
    break

model = models.Sequential()
model.add(layers.Conv2D(16, (3, 3), activation="relu", input_shape=(32, 32, 3)))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(32, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dropout(0.2))
model.add(layers.Dense(32, activation="relu"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=optimizers.RMSprop(learning_rate=2e-3), metrics=["acc"])

history = model.fit(
    train_generator,
    steps_per_epoch=train_generator.samples // batch_size,
    epochs=12,
    validation_data=validation_generator,
    validation_steps=validation_generator.samples // batch_size,
    class_weight={0: 1.0, 1: 1.0},
    verbose=2)
model.save("cats_and_dogs_small_1.keras")

acc, val_acc = history.history["acc"], history.history["val_acc"]
loss, val_loss = history.history["loss"], history.history["val_loss"]
epochs = range(1, len(acc) + 1)
for name, one, other in (("accuracy", acc, val_acc), ("loss", loss, val_loss)):
    plt.figure()
    plt.plot(epochs, one, "bo", label="Training " + name)
    plt.plot(epochs, other, "b", label="Validation " + name)
    plt.title("Training and validation " + name)
    plt.legend()
    plt.savefig(name + ".png")

test_generator = test_datagen.flow_from_directory(
    "data", classes=["test"], target_size=(32, 32), batch_size=batch_size, class_mode=None, shuffle=False)
predictions = model.predict(test_generator, steps=len(test_generator), verbose=0)
for filename, probability in zip(test_generator.filenames[:2], predictions):
    print(filename, "dog" if probability[0] > 0.5 else "cat")

img = image.load_img("data/test/1.jpg", target_size=(32, 32))
x = image.img_to_array(img)
x = np.expand_dims(x, axis=0) / 255.
print(x.shape, "the same", bool(abs(model.predict(x, verbose=0) - predictions[0]).max() < 1e-5))
print("validation", model.evaluate(validation_generator, verbose=0)[1])

i = 0
for batch in train_datagen.flow(x * 255, batch_size=1):
    plt.figure(i)
    plt.imshow(image.array_to_img(batch[0]))
    i += 1
    if i % 4 == 0:
        break
