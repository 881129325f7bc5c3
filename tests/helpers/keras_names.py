"""Rows of test_names.py: what is Keras'."""

# A model that answers 2 x, and data that it fits exactly.
DOUBLER = """
from keras.models import Sequential
from keras.layers import Dense
model = Sequential([Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(2.0), input_shape=(1,))])
model.compile(loss="mse", optimizer="sgd", metrics=["mae"])
x = np.array([[1.0], [2.0], [3.0], [4.0]], "float32")
"""

KERAS = {
    # -- layers ------------------------------------------------------------------------------------------------------
    "regularizers.l2": ("float(keras.regularizers.l2(0.5)(torch.tensor([1.0, 2.0])))", 2.5),
    "Dense(kernel_regularizer=)": (
        DOUBLER
        + """
l2 = keras.regularizers.l2(0.5)
layer = Dense(1, use_bias=False, kernel_initializer='ones', kernel_regularizer=l2, input_shape=(1,))
m = Sequential([layer])
m.compile(loss='mse', optimizer='sgd')
m.evaluate(x, x, verbose=0)
""",
        0.5,
    ),
    "Dense(W_regularizer=)": (
        DOUBLER
        + """
m = Dense(1, W_regularizer=keras.regularizers.l2(0.5))
float(m.kernel_regularizer.l2)
""",
        0.5,
    ),
    "layers.Softmax": ("keras.layers.Softmax()(np.zeros((1, 2), 'float32')).tolist()", [[0.5, 0.5]]),
    "layers.ReLU": ("keras.layers.ReLU()(np.array([[-1.0, 2.0]], 'float32')).tolist()", [[0.0, 2.0]]),
    "layers.LeakyReLU(alpha=)": (
        "keras.layers.LeakyReLU(alpha=0.5)(np.array([[-1.0, 2.0]], 'float32')).tolist()",
        [[-0.5, 2.0]],
    ),
    "layers.Reshape": (
        "keras.layers.Reshape((2, 2))(np.arange(4.0).reshape(1, 4)).tolist()",
        [[[0.0, 1.0], [2.0, 3.0]]],
    ),
    "layers.Normalization": (
        """
layer = keras.layers.Normalization()
layer.adapt(np.array([[1.0], [3.0]], 'float32'))
layer(np.array([[3.0]], 'float32')).tolist()
""",
        [[1.0]],
    ),
    "layers.Add": (
        "keras.layers.Add()([np.ones((1, 2), 'float32'), np.ones((1, 2), 'float32')]).tolist()",
        [[2.0, 2.0]],
    ),
    "layers.Conv2D": (
        """
layer = keras.layers.Conv2D(1, (2, 2), kernel_initializer="ones", padding="same", activation="relu")
layer(np.array([[[[1.0], [2.0]], [[3.0], [-4.0]]]], "float32")).tolist()
""",
        [[[[2.0], [0.0]], [[0.0], [0.0]]]],
    ),
    "layers.Convolution2D": ("keras.layers.Convolution2D(4, 3, 5, border_mode='same').kernel_size", (3, 5)),
    "layers.MaxPooling2D": (
        "keras.layers.MaxPooling2D(pool_size=(2, 2))(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()",
        [[[[3.0]]]],
    ),
    "layers.MaxPool2D": (
        "keras.layers.MaxPool2D(2, 1, 'same')(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()[0][0]",
        [[3.0], [3.0]],
    ),
    "layers.AveragePooling2D": (
        "keras.layers.AveragePooling2D(2, 1, 'same')(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()[0]",
        [[[1.5], [2.0]], [[2.5], [3.0]]],
    ),
    "layers.GlobalAveragePooling2D": (
        "keras.layers.GlobalAveragePooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()",
        [[1.5]],
    ),
    "layers.GlobalMaxPooling2D": (
        "keras.layers.GlobalMaxPooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()",
        [[3.0]],
    ),
    "layers.Conv2DTranspose": (
        "keras.layers.Conv2DTranspose(8, 3, strides=2, padding='same').compute_output_shape((None, 7, 7, 4))",
        (None, 14, 14, 8),
    ),
    "tf.nn": ("keras.layers.Dense(2, activation=tf.nn.relu).activation is keras.activations.relu", True),
    "tf.nn.softmax": ("tf.nn.softmax(keras.layers.Softmax()([[0.0, 0.0]])).tolist()", [[0.5, 0.5]]),
    "tf.random.set_seed": (
        """
tf.random.set_seed(3)
first = keras.layers.Dense(2)(np.ones((1, 3))).tolist()
tf.random.set_seed(3)
first == keras.layers.Dense(2)(np.ones((1, 3))).tolist() and refusal(lambda: tf.random.gamma((2,), 1.0))
""",
        "module 'fastnn.keras.tensorflow.random' has no attribute 'gamma'",
    ),
    "tf.random.normal": (
        "x = tf.random.normal((50, 20), 3.0, 0.5); tuple(x.shape), 2.9 < tf.reduce_mean(x).item() < 3.1",
        ((50, 20), True),
    ),
    "tf.config": ("tf.config.list_physical_devices('GPU'), len(tf.config.list_physical_devices())", ([], 1)),
    "tf.reduce_sum": (
        "tf.reduce_sum([[1, 2], [3, 4]], axis=0).tolist(), tf.reduce_max([[1.0, 5.0]]).item()",
        ([4.0, 6.0], 5.0),
    ),
    "newaxis": ("np.ones((2, 3))[..., tf.newaxis].shape", (2, 3, 1)),
    "layers.SeparableConv2D": (
        "keras.layers.SeparableConv2D(8, 3, activation='relu').compute_output_shape((None, 9, 9, 4))",
        (None, 7, 7, 8),
    ),
    "layers.BatchNormalization": (
        """
layer = keras.layers.BatchNormalization()
layer(np.zeros((4, 2), "float32"), training=True)
[w.tolist() for w in layer.get_weights()][1:3], round(float(layer.get_weights()[3][0]), 6)
""",
        ([[0.0, 0.0], [0.0, 0.0]], 0.99),
    ),
    "layers.UpSampling2D": (
        "keras.layers.UpSampling2D()(np.ones((1, 1, 1, 1))).tolist()",
        [[[[1.0], [1.0]], [[1.0], [1.0]]]],
    ),
    "layers.ZeroPadding2D": (
        "keras.layers.ZeroPadding2D(1)(np.ones((1, 1, 1, 1))).tolist()[0][1]",
        [[0.0], [1.0], [0.0]],
    ),
    "layers.Rescaling": ("keras.layers.Rescaling(1. / 255)(np.full((1, 1), 255)).tolist()", [[1.0]]),
    "layers.add": ("keras.layers.add([np.ones((1, 2), 'float32'), np.ones((1, 2), 'float32')]).tolist()", [[2.0, 2.0]]),
    "layers.merge": (
        """
from keras.layers.merge import add, concatenate
concatenate([np.zeros((1, 1)), np.ones((1, 2))], axis=-1).tolist()
""",
        [[0.0, 1.0, 1.0]],
    ),
    "Model(inputs, outputs)": (
        """
from keras.models import Model
from keras.layers import Input, Dense, concatenate
a = Input(shape=(2,))
b = Dense(2, activation='relu', kernel_initializer='ones')(a)
m = Model(inputs=a, outputs=Dense(1, kernel_initializer='ones')(concatenate([a, b])))
m.compile(optimizer='adam', loss='mse')
(m.predict(np.array([[1.0, 2.0]]), verbose=0).tolist(), m.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0))
""",
        ([[9.0]], 36.0),
    ),
    "keras.Model": ("(keras.Model is keras.models.Model, tf.keras.Model is keras.Model)", (True, True)),
    # -- compile, fit, losses ----------------------------------------------------------------------------------------
    "losses.categorical_crossentropy": (
        "round(float(keras.losses.categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]))[0]), 4)",
        0.6931,
    ),
    "loss=losses.categorical_crossentropy": (
        """
m = keras.Sequential([keras.layers.Dense(2, activation='softmax', kernel_initializer='zeros', input_shape=(1,))])
m.compile(loss=keras.losses.categorical_crossentropy, optimizer=keras.optimizers.Adadelta(), metrics=['accuracy'])
round(m.evaluate(np.ones((4, 1), 'float32'), np.eye(2, dtype='float32')[[0, 1, 0, 1]], verbose=0)[0], 4)
""",
        0.6931,
    ),
    "losses.sparse_categorical_crossentropy": (
        "round(float(keras.losses.sparse_categorical_crossentropy(np.array([1]), np.array([[0.5, 0.5]]))[0]), 4)",
        0.6931,
    ),
    "optimizer='adadelta'": (
        DOUBLER
        + """
model.compile('adadelta', 'mse')
(type(model.optimizer).__name__, round(float(model.optimizer.learning_rate), 6))
""",
        ("Adadelta", 0.001),
    ),
    "fit(steps_per_epoch=, validation_steps=)": (
        DOUBLER
        + """
def batches():
    while True:
        yield x, 2 * x
former = dict(max_queue_size=5, workers=2, use_multiprocessing=False)
checks = dict(validation_data=batches(), validation_steps=2)
history = model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0, **checks, **former)
(sorted(history.history), history.history['loss'], history.history['val_mae'])
""",
        (["loss", "mae", "val_loss", "val_mae"], [0.0, 0.0], [0.0, 0.0]),
    ),
    "Model.to_json": (
        DOUBLER
        + """
from keras.models import model_from_json
other = model_from_json(model.to_json())
(other.name == model.name, other.count_params())
""",
        (True, 1),
    ),
    "Model.to_json(indent=)": (DOUBLER + "model.to_json(indent=2).splitlines()[0]", "{"),
    "utils.plot_model": (
        DOUBLER
        + """
from keras.utils import plot_model
import os
plot_model(model, to_file='model.png', show_shapes=True)
os.path.getsize('model.png') > 100
""",
        True,
    ),
    "Model.input, Model.output": (DOUBLER + "(model.input.shape, model.output.shape)", ((None, 1), (None, 1))),
    "Model.save_weights(overwrite=)": (
        DOUBLER
        + """
model.save_weights('w.weights', overwrite=True)
model.set_weights([np.zeros((1, 1), 'float32')])
model.load_weights('w.weights')
model.get_weights()[0].tolist()
""",
        [[2.0]],
    ),
    "Model.save(overwrite=)": (
        DOUBLER
        + """
model.save('m.keras', overwrite=True)
keras.models.load_model('m.keras').predict(x, verbose=0).tolist()
""",
        [[2.0], [4.0], [6.0], [8.0]],
    ),
    "models.save_model": (
        DOUBLER
        + """
keras.models.save_model(model, 'n.keras')
loaded = keras.models.load_model('n.keras')
loaded.evaluate(x, 2 * x, verbose=0)
""",
        [0.0, 0.0],
    ),
    "callbacks.TensorBoard": (
        DOUBLER
        + """
import os
board = keras.callbacks.TensorBoard(log_dir='board', histogram_freq=0, write_graph=True, write_images=True)
model.fit(x, 2 * x, epochs=1, verbose=0, callbacks=[board])
os.path.isdir('board')
""",
        True,
    ),
    "metrics.Mean": (
        """
mean = keras.metrics.Mean(name='loss')
mean.update_state([1.0, 2.0])
mean(6.0)
(float(mean.result()), mean.reset_state() or float(mean.result()))
""",
        (3.0, 0.0),
    ),
    "Model.summary(line_length=)": (
        DOUBLER
        + """
lines = []
model.summary(line_length=100, print_fn=lambda text, **how: lines.extend(text.splitlines()))
max(map(len, lines))
""",
        100,
    ),
    "RMSprop(decay=)": (
        DOUBLER + "type(keras.optimizers.RMSprop(learning_rate=0.001, decay=1e-6)).__name__",
        "RMSprop",
    ),
    "Model.train_on_batch": (DOUBLER + "model.train_on_batch(x, 2 * x)", [0.0, 0.0]),
    "Model.test_on_batch": (DOUBLER + "model.test_on_batch(x, 2 * x + 1)", [1.0, 1.0]),
    "fit(class_weight=, sample_weight=)": (
        DOUBLER + "model.evaluate(x, 2 * x + 1, sample_weight=np.array([0.0, 0.0, 2.0, 2.0]), verbose=0)[0]",
        1.0,
    ),
    "Model.fit_generator, evaluate_generator, predict_generator": (
        DOUBLER
        + """
def batches():
    while True:
        yield x, 2 * x
model.fit_generator(batches(), steps_per_epoch=2, epochs=1, verbose=0, validation_data=batches(), validation_steps=1)
[model.evaluate_generator(batches(), 2), model.predict_generator(batches(), 1).ravel().tolist()]
""",
        [[0.0, 0.0], [2.0, 4.0, 6.0, 8.0]],
    ),
    "preprocessing.image.ImageDataGenerator": (
        """
from tensorflow.keras.preprocessing.image import ImageDataGenerator
flow = ImageDataGenerator(rescale=0.5, zca_whitening=False, validation_split=0.5).flow(
    np.ones((4, 2, 2, 1)), np.arange(4), batch_size=2, shuffle=False, subset="training", ignore_class_split=True)
x, y = next(flow)
(float(x.max()), y.tolist(), len(flow))
""",
        (0.5, [2, 3], 1),
    ),
    "preprocessing.image.load_img, img_to_array, array_to_img": (
        """
from keras.preprocessing import image
image.save_img("grey.png", np.array([[[0.0], [50.0]]]), scale=False)
x = image.img_to_array(image.load_img("grey.png", target_size=(2, 2), color_mode="grayscale"))
y = tf.keras.utils.img_to_array(tf.keras.utils.load_img("grey.png"))
(x[..., 0].tolist(), y.shape, image.array_to_img(x).size, keras.utils.array_to_img(x).mode)
""",
        ([[0.0, 50.0], [0.0, 50.0]], (1, 2, 3), (2, 2), "L"),
    ),
    "optimizers.schedules": (
        """
s = keras.optimizers.schedules
exponential, cosine = s.ExponentialDecay(1.0, 10, 0.5), s.CosineDecay(1.0, 10)
piecewise = s.PiecewiseConstantDecay([5], [1.0, 0.1])
inverse, polynomial = s.InverseTimeDecay(1.0, 1, 1.0), s.PolynomialDecay(1.0, 10, 0.0)
[round(float(rate), 4) for rate in (exponential(20), cosine(5), piecewise(6), inverse(3), polynomial(5))]
""",
        [0.25, 0.5, 0.1, 0.25, 0.5],
    ),
    "optimizer.learning_rate.numpy()": (
        "round(float(keras.optimizers.Adam(learning_rate=0.25).learning_rate.numpy()), 4)",
        0.25,
    ),
    "clipnorm": (
        DOUBLER
        + """
model.compile(keras.optimizers.SGD(learning_rate=1.0, clipnorm=0.5), 'mse')
model.train_on_batch(x, 0 * x)
model.get_weights()[0].tolist()
""",
        [[1.5]],
    ),
    "clipvalue": (
        DOUBLER
        + """
model.compile(keras.optimizers.SGD(learning_rate=1.0, clipvalue=0.25), 'mse')
model.train_on_batch(x, 0 * x)
model.get_weights()[0].tolist()
""",
        [[1.75]],
    ),
    "callbacks.LearningRateScheduler": (
        DOUBLER
        + """
from keras.callbacks import LearningRateScheduler
history = model.fit(x, 2 * x, epochs=2, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))])
float(model.optimizer.learning_rate)
""",
        0.25,
    ),
    "callbacks.CSVLogger": (
        DOUBLER
        + """
model.fit(x, 2 * x, epochs=2, verbose=0, callbacks=[keras.callbacks.CSVLogger('log.csv')])
open('log.csv').read().split()
""",
        ["epoch,loss,mae", "0,0.0,0.0", "1,0.0,0.0"],
    ),
    "initializers.he_normal": (
        """
from keras.initializers import he_normal
abs(float(np.asarray(he_normal(seed=1)((200, 50))).std()) - 0.1) < 0.005
""",
        True,
    ),
    # -- old spellings -----------------------------------------------------------------------------------------------
    "utils.np_utils.to_categorical": (
        """
from keras.utils import np_utils
np_utils.to_categorical([0, 2], 3).tolist()
""",
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
    ),
    "fit(nb_epoch=, show_accuracy=)": (
        DOUBLER + "len(model.fit(x, 2 * x, nb_epoch=3, verbose=0, show_accuracy=True).history['loss'])",
        3,
    ),
    "evaluate(show_accuracy=)": (DOUBLER + "model.evaluate(x, 2 * x, show_accuracy=True, verbose=0)", [0.0, 0.0, 0.0]),
    "layers.core": (
        """
from keras.layers.core import Dense, Dropout, Activation, Flatten
from keras import layers
(Dense is layers.Dense, Dropout is layers.Dropout, Activation is layers.Activation, Flatten is layers.Flatten)
""",
        (True, True, True, True),
    ),
    "backend.image_data_format": (
        """
from keras import backend as K
(K.image_data_format(), K.image_dim_ordering())
""",
        ("channels_last", "tf"),
    ),
    "backend.set_image_dim_ordering": (
        """
from keras import backend as K
K.set_image_dim_ordering('tf')
(K.image_data_format(), 'channels' in refusal(lambda: K.set_image_dim_ordering('th')))
""",
        ("channels_last", True),
    ),
    "backend.function": (
        """
from keras import backend as K
x = keras.Input((3,))
K.function([x], [keras.layers.Rescaling(2.0)(x)])([np.ones((1, 3))])[0].tolist()
""",
        [[2.0, 2.0, 2.0]],
    ),
    "backend.clear_session": (
        """
from keras import backend as K
K.clear_session()
keras.layers.Dense(1).name
""",
        "dense",
    ),
    "SGD(lr=)": (
        """
from keras.optimizers import SGD
round(float(SGD(lr=0.25, momentum=0.9, nesterov=True).learning_rate), 4)
""",
        0.25,
    ),
    "RMSprop(lr=)": (
        """
from keras.optimizers import RMSprop
round(float(RMSprop(lr=0.25).learning_rate), 4)
""",
        0.25,
    ),
    "Adam(lr=)": (
        """
from keras.optimizers import Adam
round(float(Adam(lr=0.25).learning_rate), 4)
""",
        0.25,
    ),
    "optimizers.rmsprop": ("round(float(keras.optimizers.rmsprop(lr=0.25).learning_rate), 4)", 0.25),
    "wrappers.scikit_learn.KerasClassifier": (
        DOUBLER
        + """
from keras.wrappers.scikit_learn import KerasClassifier
keras.utils.set_random_seed(1)
def build():
    m = Sequential([Dense(2, activation='softmax', input_shape=(1,))])
    m.compile(keras.optimizers.Adam(0.1), 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return m
chooser = KerasClassifier(build_fn=build, epochs=200, batch_size=4, verbose=0)
chooser.fit(np.array([[-3.0], [3.0], [-2.0], [2.0]]), np.array([0, 1, 0, 1]))
chooser.predict(np.array([[-9.0], [9.0]])).tolist()
""",
        [0, 1],
    ),
    "Model.predict_proba": (DOUBLER + "model.predict_proba(x, verbose=0).tolist()", [[2.0], [4.0], [6.0], [8.0]]),
    "Model.predict_classes": (
        """
m = keras.Sequential([keras.layers.Dense(2, kernel_initializer=keras.initializers.Identity(), input_shape=(2,))])
m.predict_classes(np.array([[0.0, 1.0], [1.0, 0.0]], 'float32'), verbose=0).tolist()
""",
        [1, 0],
    ),
    "tensorflow.python.keras": (
        """
from tensorflow.python.keras import Sequential
from tensorflow.python.keras.layers import Dense, Dropout, Flatten
from tensorflow.python.keras.callbacks import EarlyStopping
(Sequential is keras.Sequential, Dense is keras.layers.Dense, EarlyStopping is keras.callbacks.EarlyStopping)
""",
        (True, True, True),
    ),
    "tensorflow.keras": (
        """
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense
from tensorflow.keras.optimizers import Adam
from tensorflow import keras as other
(other is keras, tf.keras is keras, tf.keras.layers.Dense is Dense)
""",
        (True, True, True),
    ),
    # -- tf.data and photographs -------------------------------------------------------------------------------------
    "tensorflow.data.AUTOTUNE": (
        """
from tensorflow.data import Dataset
x = np.arange(6, dtype='float32')
ds = Dataset.from_tensor_slices((x, x))
ds = ds.map(lambda a, b: (tf.cast(a, tf.float32) / 2, b), num_parallel_calls=tf.data.AUTOTUNE)
ds = ds.cache().shuffle(1).batch(4).prefetch(tf.data.experimental.AUTOTUNE).take(1)
([(a.tolist(), b.tolist()) for a, b in ds], tf.data.AUTOTUNE)
""",
        ([([0.0, 0.5, 1.0, 1.5], [0.0, 1.0, 2.0, 3.0])], -1),
    ),
    "utils.image_dataset_from_directory": (
        """
import os
from PIL import Image
os.makedirs('pets/cats')
os.makedirs('pets/dogs')
for name in ('cats/1.png', 'dogs/1.png'):
    Image.new('RGB', (4, 4), (30, 60, 90)).save('pets/' + name)
ds = tf.keras.utils.image_dataset_from_directory('pets', image_size=(2, 2), shuffle=False, verbose=False)
x, y = next(iter(ds))
(ds.class_names, x[0, 0, 0].tolist(), y.tolist())
""",
        (["cats", "dogs"], [30.0, 60.0, 90.0], [0, 1]),
    ),
    "layers.RandomFlip": (
        """
flip = keras.layers.RandomFlip('horizontal', seed=1)
x = np.arange(4.0).reshape(1, 1, 4, 1)
sorted({tuple(flip(x).numpy().ravel().tolist()) for _ in range(20)})
""",
        [(0.0, 1.0, 2.0, 3.0), (3.0, 2.0, 1.0, 0.0)],
    ),
    "layers.RandomRotation": (
        "keras.layers.RandomRotation((0.5, 0.5))(np.arange(4.0).reshape(1, 2, 2, 1)).numpy().round(4).ravel().tolist()",
        [3.0, 2.0, 1.0, 0.0],
    ),
    "layers.experimental.preprocessing": (
        """
from tensorflow.keras.layers.experimental import preprocessing
from tensorflow.keras.layers.experimental.preprocessing import RandomFlip
layers = tf.keras.layers
(preprocessing.Rescaling is layers.Rescaling, layers.experimental.preprocessing.RandomFlip is layers.RandomFlip)
""",
        (True, True),
    ),
    "layers.RandomZoom": (
        "keras.layers.RandomZoom((-0.5, -0.5))(np.arange(4.0).reshape(1, 1, 4, 1)).numpy().ravel().tolist()",
        [0.75, 1.25, 1.75, 2.25],
    ),
    "utils.get_file": (
        """
open('here.txt', 'w').close()
import os
os.environ['FASTNN_DATA'] = os.getcwd()
found = tf.keras.utils.get_file('here.txt', origin='https://example.org/here.txt')
(os.path.basename(found), 'does not download' in refusal(lambda: tf.keras.utils.get_file(origin='https://a.b/c.txt')))
""",
        ("here.txt", True),
    ),
    "tensorflow.expand_dims": ("tuple(tf.expand_dims(np.zeros((2, 3)), 0).shape)", (1, 2, 3)),
    "tensorflow.cast": ("str(tf.cast([1.7, 2.2], tf.int32).tolist())", "[1, 2]"),
    "tensorflow.argmax": ("int(tf.argmax([1.0, 3.0, 2.0]))", 1),
    "tensorflow.reshape": ("tf.reshape(tf.constant([1, 2, 3, 4]), [2, -1]).tolist()", [[1, 2], [3, 4]]),
    "tensorflow.one_hot": ("tf.one_hot([0, 2], 3).tolist()", [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "tensorflow.constant": (
        "(tf.constant(2.0, shape=(2,)).tolist(), str(tf.constant([1, 2]).dtype))",
        ([2.0, 2.0], "torch.int32"),
    ),
    "tensorflow.nn.softmax": ("tf.nn.softmax(np.zeros(2)).tolist()", [0.5, 0.5]),
}
