# Written for Keras 1: its module paths, spellings and arguments; two moons of points.
from __future__ import print_function
import numpy as np
from keras.models import Sequential
from keras.layers.core import Dense, Dropout, Activation
from keras.optimizers import SGD
from keras.utils import np_utils

np.random.seed(1337)
batch_size = 32
nb_classes = 2
nb_epoch = 20

angle = np.random.uniform(0, np.pi, 400)
labels = np.arange(400) % 2
points = np.where(labels[:, None] == 0, np.c_[np.cos(angle), np.sin(angle)], np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)])
points = (points + np.random.normal(0, 0.1, points.shape)).astype('float32')
X_train, X_test, y_train, y_test = points[:300], points[300:], labels[:300], labels[300:]
print(X_train.shape[0], 'train samples')
print(X_test.shape[0], 'test samples')

Y_train = np_utils.to_categorical(y_train, nb_classes)
Y_test = np_utils.to_categorical(y_test, nb_classes)

model = Sequential()
model.add(Dense(32, input_shape=(2,)))
model.add(Activation('tanh'))
model.add(Dropout(0.1))
model.add(Dense(32, input_dim=32))
model.add(Activation('tanh'))
model.add(Dense(nb_classes))
model.add(Activation('softmax'))

sgd = SGD(lr=0.2, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss='categorical_crossentropy', optimizer=sgd, metrics=['accuracy'])
model.fit(X_train, Y_train, batch_size=batch_size, nb_epoch=nb_epoch, verbose=2, validation_data=(X_test, Y_test))
score = model.evaluate(X_test, Y_test, verbose=0)
print('Test score:', score[0])
print('Test accuracy:', score[1])
