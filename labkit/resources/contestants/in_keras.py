"""The network in Keras 3. See the package for what each function does.

    KERAS_BACKEND=torch python -m labkit.resources.contestants.in_keras TASK.npz FOUND.npz
"""
import sys

import keras
import numpy as np

from labkit.resources.contestants import contest


def build(seed, rate):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy")
    return model


def train(model, images, labels, epochs):
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)


def probabilities(model, images):
    return model.predict(images, verbose=0)


def weights(model):
    return model.get_weights()


def put(model, values):
    model.set_weights(values)


if __name__ == "__main__":
    with np.load(sys.argv[1]) as task:
        np.savez(sys.argv[2], **contest(sys.modules[__name__], dict(task)))
