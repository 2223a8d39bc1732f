"""The network in scikit-learn. See the package for what each function does."""
from sklearn.neural_network import MLPClassifier


def build(seed, rate):
    return MLPClassifier(hidden_layer_sizes=(64,), activation="relu", solver="sgd", momentum=0, alpha=0,
                         learning_rate_init=rate, batch_size=32, random_state=seed)


def train(model, images, labels, epochs):
    for _epoch in range(epochs):
        model.partial_fit(images, labels, classes=range(10))


def probabilities(model, images):
    return model.predict_proba(images)


def weights(model):
    return [values.copy() for pair in zip(model.coefs_, model.intercepts_, strict=True) for values in pair]


def put(model, values):
    held = [array for pair in zip(model.coefs_, model.intercepts_, strict=True) for array in pair]
    for array, new in zip(held, values, strict=True):
        array[...] = new
