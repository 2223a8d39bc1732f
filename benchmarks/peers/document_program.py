"""The document's program (section 5.2) as it stands, on the images of an .npz file: `document_program.py FILE SEED`.

Keras on TensorFlow, Adam, batches of 32, ten epochs, the last tenth of the training images for validation; then the
test images. Its own softmax is left to the loss, which is how Keras runs it.
"""
import json
import sys
import time

import keras_tensorflow as program
import numpy as np


def main(file: str, seed: int) -> None:
    with np.load(file) as images:
        inputs, test = images["inputs"] / np.float32(255), images["test_inputs"] / np.float32(255)
        targets, test_targets = images["targets"], images["test_targets"]
    program.keras.utils.set_random_seed(seed)
    began = time.perf_counter()
    model = program.network()
    model.compile("adam", program.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(inputs, targets, epochs=10, validation_split=0.1, verbose=0)
    trained = time.perf_counter()
    _loss, accuracy = model.evaluate(test, test_targets, verbose=0)
    print("answer", json.dumps({"seed": seed, "seconds": trained - began, "test_accuracy": accuracy,
                                "test_seconds": time.perf_counter() - trained}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
