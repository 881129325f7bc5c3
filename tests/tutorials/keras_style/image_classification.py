# TensorFlow's tutorial "Image classification": photographs in folders, a pipeline, augmentation, one prediction.
import pathlib

import numpy as np
import PIL.Image
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.models import Sequential

data_dir = pathlib.Path("flower_photos")
print(len(list(data_dir.glob("*/*.jpg"))))

batch_size = 32
img_height = 40
img_width = 48

train_ds = tf.keras.utils.image_dataset_from_directory(
    data_dir,
    validation_split=0.2,
    subset="training",
    seed=123,
    image_size=(img_height, img_width),
    batch_size=batch_size,
)
val_ds = tf.keras.utils.image_dataset_from_directory(
    data_dir,
    validation_split=0.2,
    subset="validation",
    seed=123,
    image_size=(img_height, img_width),
    batch_size=batch_size,
)
class_names = train_ds.class_names
print(class_names)

for images, labels in train_ds.take(1):
    for i in range(9):
        assert images[i].numpy().astype("uint8").shape == (img_height, img_width, 3)
        assert class_names[labels[i]] in class_names

for image_batch, labels_batch in train_ds:
    print(tuple(image_batch.shape), tuple(labels_batch.shape))
    break

AUTOTUNE = tf.data.AUTOTUNE
train_ds = train_ds.cache().shuffle(1000).prefetch(buffer_size=AUTOTUNE)
val_ds = val_ds.cache().prefetch(buffer_size=AUTOTUNE)

normalization_layer = layers.Rescaling(1.0 / 255)
normalized_ds = train_ds.map(lambda x, y: (normalization_layer(x), y))
image_batch, labels_batch = next(iter(normalized_ds))
first_image = image_batch[0]
print("from 0 to 1:", bool(0 <= np.min(first_image) < np.max(first_image) <= 1))

tf.random.set_seed(4)
data_augmentation = keras.Sequential(
    [
        layers.RandomFlip("horizontal", input_shape=(img_height, img_width, 3)),
        layers.RandomRotation(0.1),
        layers.RandomZoom(0.1),
    ]
)
for images, _ in train_ds.take(1):
    augmented = [data_augmentation(images).numpy() for _ in range(2)]
    print("different:", not np.array_equal(*augmented))

num_classes = len(class_names)
model = Sequential(
    [
        data_augmentation,
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(0.2),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(num_classes, name="outputs"),
    ]
)
model.compile(
    optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
model.summary()

epochs = 6
history = model.fit(train_ds, validation_data=val_ds, epochs=epochs, verbose=2)
acc, val_acc = history.history["accuracy"], history.history["val_accuracy"]
loss, val_loss = history.history["loss"], history.history["val_loss"]
print("curves:", len(acc), len(val_acc), len(loss), len(val_loss))
print("evaluate:", model.evaluate(val_ds, verbose=0)[0] == val_loss[-1])

img = PIL.Image.open(sorted(data_dir.glob("tulips/*.jpg"))[0]).resize((img_width, img_height), PIL.Image.NEAREST)
img_array = np.asarray(img, "float32")
img_array = tf.expand_dims(img_array, 0)  # Create a batch

predictions = model.predict(img_array, verbose=0)
score = tf.nn.softmax(predictions[0])
print(
    "This image most likely belongs to {} with a {:.2f} percent confidence.".format(
        class_names[np.argmax(score)], 100 * np.max(score)
    )
)
