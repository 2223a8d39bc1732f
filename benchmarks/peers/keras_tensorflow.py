"""The document's own program, Keras on TensorFlow, as its users tune it: one call of the graph for many steps."""
import os
import time

# Before Keras is imported, which reads them.
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="2", CUDA_VISIBLE_DEVICES="-1")

import keras
import numpy as np
from answer import answer

layers = keras.layers


def network() -> keras.Model:
    return keras.Sequential([
        keras.Input((32, 32, 3)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
        layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)])


class Clock(keras.callbacks.Callback):
    """The seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.began)


def epoch_seconds(batch_size: int, images: int) -> float:
    generator = np.random.default_rng(0)
    inputs = generator.random((images, 32, 32, 3), dtype=np.float32)
    targets = generator.integers(10, size=images)
    model, clock = network(), Clock()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
                  steps_per_execution=-(-images // batch_size), jit_compile=os.environ.get("JIT") == "1")
    model.fit(inputs, targets, batch_size=batch_size, epochs=3, shuffle=True, verbose=0, callbacks=[clock])
    return min(clock.seconds[1:])       # the first one traces the graph


if __name__ == "__main__":
    answer(epoch_seconds)
