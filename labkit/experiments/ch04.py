"""Chapter 4's recorded runs: each formula of the document beside what torch computes, in float64.

Formulas are taken as written first, then completed. Three seeds draw the parameters; images are Fashion-MNIST's.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from labkit import worked_example
from labkit.data import load

SEEDS = (0, 1, 2)
WIDTHS = (4, 16, 64, 256)       # of queries and keys
TOKENS = 16
STEP = 1e-5                     # of the central differences: about the cube root of float64's precision


def record(path: str | None = None, seeds=SEEDS, draws: int = 200) -> dict:
    """Return the figures that the rules of C4.1 to C4.5 read; `draws` attention matrices are averaged a width."""
    data = load("fashion-mnist", path=path)
    images, labels = data.test.inputs.double() / 255, data.test.targets
    runs = []
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        torch.manual_seed(seed)
        place = 100 * seed
        runs += [{"part": part, "seed": seed, **figures} for part, figures in (
            ("back-propagation", back_propagation(images[place, 0, ::4, ::4].reshape(1, -1), seed)),
            ("convolution", convolution(images[place:place + 3, 0])),
            ("recurrence", recurrence(images[place, 0])),
            ("attention", attention(images[place, 0])),
            ("worked example", whole_pass(images[place], int(labels[place]), seed)),
            ("dense gradient", dense_gradient(images[place:place + 32].flatten(1))))]
        runs += [{"part": "scale", "seed": seed, **scale(width, draws)} for width in WIDTHS]
    return {"data": {"name": data.name, "sha256": data.sha256, "note": data.note}, "seeds": list(seeds), "runs": runs,
            "tokens": TOKENS, "finite_difference_step": STEP}


def difference(one, other) -> float:
    """The norm of one - other, relative to the larger of the two norms; infinite for different shapes."""
    one, other = (np.asarray(value.detach() if isinstance(value, torch.Tensor) else value) for value in (one, other))
    if one.shape != other.shape:
        return math.inf
    return float(np.linalg.norm(one - other) / max(np.linalg.norm(one), np.linalg.norm(other), 1e-300))


# --- C4.1 ---

def back_propagation(x: torch.Tensor, seed: int) -> dict:
    """A 49-16-8-4 network of tanh, ReLU and sigmoid with ½ Σ (ŷ - y)², for one image `x` (1, 49)."""
    draw = np.random.default_rng(seed)
    sizes = (x.shape[1], 16, 8, 4)
    parameters = [draw.normal(0, fan_in ** -0.5, shape) for fan_in, fan_out in zip(sizes, sizes[1:], strict=False)
                  for shape in ((fan_out, fan_in), (fan_out,))]
    x, y = x[0].numpy(), draw.uniform(0, 1, sizes[-1])
    hand = _by_hand(parameters, x, y)
    finite = _by_differences(parameters, x, y)
    variables = [torch.tensor(value, requires_grad=True) for value in parameters]
    autograd = torch.autograd.grad(_loss(variables, torch.tensor(x), torch.tensor(y), torch), variables)
    return {name: max(map(difference, one, other)) for name, one, other in (
        ("hand_autograd", hand, autograd), ("hand_finite", hand, finite), ("finite_autograd", finite, autograd))}


def _loss(parameters, x, y, library):
    """The same forward pass for NumPy arrays and for torch tensors."""
    w1, b1, w2, b2, w3, b3 = parameters
    a1 = library.tanh(w1 @ x + b1)
    z2 = w2 @ a1 + b2
    a3 = 1 / (1 + library.exp(-(w3 @ (z2 * (z2 > 0)) + b3)))
    return ((a3 - y) ** 2).sum() / 2


def _by_hand(parameters, x, y) -> list[np.ndarray]:
    w1, b1, w2, b2, w3, b3 = parameters
    a1 = np.tanh(w1 @ x + b1)
    z2 = w2 @ a1 + b2
    a2 = np.maximum(0, z2)
    a3 = 1 / (1 + np.exp(-(w3 @ a2 + b3)))
    dz3 = (a3 - y) * a3 * (1 - a3)
    dz2 = (w3.T @ dz3) * (z2 > 0)
    dz1 = (w2.T @ dz2) * (1 - a1 ** 2)
    return [np.outer(dz1, x), dz1, np.outer(dz2, a1), dz2, np.outer(dz3, a2), dz3]


def _by_differences(parameters, x, y) -> list[np.ndarray]:
    gradients = []
    for values in parameters:
        gradient = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            kept = values[place]
            ends = []
            for sign in (1, -1):
                values[place] = kept + sign * STEP
                ends.append(_loss(parameters, x, y, np))
            values[place] = kept
            gradient[place] = (ends[0] - ends[1]) / (2 * STEP)
        gradients.append(gradient)
    return gradients


# --- C4.2 ---

def convolution(images: torch.Tensor) -> dict:
    """Σ filter_ij · x_ij + b on three images (3, H, W) as the channels of one, against `F.conv2d`."""
    from scipy.signal import convolve2d
    kernel, bias = torch.randn(1, 3, 3, 3, dtype=torch.float64), torch.randn(1, dtype=torch.float64)
    grey, first = images[:1], kernel[:, :1]
    expected = F.conv2d(grey[None], first, bias)[0]
    literal = (first[0, 0] * grey[0, :3, :3]).sum() + bias      # i and j run over the filter: one number
    completed = worked_example.convolve(grey.numpy(), first.numpy(), bias.numpy())
    flipped = convolve2d(grey[0].numpy(), first[0, 0].numpy(), mode="valid")[None] + bias.numpy()
    coloured = F.conv2d(images[None], kernel, bias)[0]
    return {"literal_numbers": literal.numel(), "output_numbers": expected.numel(),
            "literal_at_origin": difference(literal[0], expected[0, 0, 0]),
            "completed": difference(completed, expected), "flipped": difference(flipped, expected),
            "one_channel": difference(expected, coloured),
            "all_channels": difference(
                worked_example.convolve(images.numpy(), kernel.numpy(), bias.numpy()), coloured)}


# --- C4.3 ---

def recurrence(image: torch.Tensor, hidden: int = 16) -> dict:
    """h_t = σ(W_h [h_(t-1), x_t] + b_h) over the rows of an image (T, I), and y_t = W_o h_t + b_o."""
    rnn = nn.RNN(image.shape[1], hidden).double()
    output = nn.Linear(hidden, 10).double()
    states, _last = rnn(image)
    weights = torch.cat([rnn.weight_hh_l0, rnn.weight_ih_l0], dim=1).detach().requires_grad_()
    bias = (rnn.bias_ih_l0 + rnn.bias_hh_l0).detach().requires_grad_()
    ours = _unroll(image, weights, bias, torch.tanh)
    y = torch.stack([output.weight @ h + output.bias for h in ours])
    ours_w, ours_b = torch.autograd.grad(output(ours).square().sum(), (weights, bias))
    theirs = torch.autograd.grad(output(states).square().sum(), (
        rnn.weight_hh_l0, rnn.weight_ih_l0, rnn.bias_ih_l0, rnn.bias_hh_l0))
    return {"states": difference(ours, states), "outputs": difference(y, output(states)),
            "gradients": max(difference(ours_w, torch.cat(theirs[:2], dim=1)), difference(ours_b, theirs[2])),
            "two_biases": difference(theirs[2], theirs[3]),
            "one_bias_of_two": difference(_unroll(image, weights, rnn.bias_ih_l0, torch.tanh), states),
            "logistic": difference(_unroll(image, weights, bias, torch.sigmoid), states)}


def _unroll(xs, weights, bias, activation) -> torch.Tensor:
    h, states = torch.zeros(len(bias), dtype=xs.dtype), []
    for x in xs:
        h = activation(weights @ torch.cat([h, x]) + bias)
        states.append(h)
    return torch.stack(states)


# --- C4.4 ---

def attention(image: torch.Tensor, d_k: int = 32) -> dict:
    """softmax(QKᵀ/√d_k) V over the rows of an image (T, I), against torch's own; then without the root."""
    q, k, v = (image @ torch.randn(image.shape[1], d_k, dtype=torch.float64) for _projection in range(3))
    future = torch.ones(len(image), len(image), dtype=torch.bool).triu(1)
    scores = q @ k.T / math.sqrt(d_k)
    expected = F.scaled_dot_product_attention(q[None], k[None], v[None])[0]
    causal = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
    return {"formula": difference(scores.softmax(dim=-1) @ v, expected),
            "without_root": difference((q @ k.T).softmax(dim=-1) @ v, expected),
            "masked": difference(scores.masked_fill(future, -math.inf).softmax(dim=-1) @ v, causal),
            "mask_left_out": difference(expected, causal)}


def scale(width: int, draws: int) -> dict:
    """With random queries and keys of this width: tokens attended to, 2^entropy, and the softmax's mean slope.

    The slope of one query is the Frobenius norm of its softmax's Jacobian, diag(a) - a aᵀ.
    """
    q, k = torch.randn(2, draws, TOKENS, width, dtype=torch.float64)
    scores = q @ k.transpose(1, 2)
    figures = {"width": width, "score_deviation": scores.std().item()}
    for name, divided in (("divided", scores / math.sqrt(width)), ("undivided", scores)):
        a = divided.softmax(dim=-1)
        entropy = -torch.special.xlogy(a, a).sum(dim=-1) / math.log(2)
        slope = (torch.diag_embed(a) - a[..., None] * a[..., None, :]).flatten(-2).norm(dim=-1)
        figures |= {f"attended_{name}": (2 ** entropy).mean().item(), f"slope_{name}": slope.mean().item()}
    return figures


# --- C4.5 ---

def whole_pass(image: torch.Tensor, label: int, seed: int) -> dict:
    """Every tensor of the worked example and its gradient, by hand and by torch; then the lines as written."""
    tensors = worked_example.forward(image.numpy(), np.eye(10)[label], **worked_example.initial(seed=seed))
    gradients = worked_example.backward(tensors)
    theirs, theirs_gradients = _by_torch(tensors)
    a = tensors["a"]
    patches = worked_example.windows(a, 2, stride=2).reshape(-1, 4)
    written = ((tensors["y"] - tensors["target"]).sum() * tensors["p"].ravel())   # Σ_i leaves no place for the output
    return {"values": {name: difference(tensors[name], theirs[name]) for name in worked_example.TENSORS},
            "gradients": {name: difference(gradients[name], theirs_gradients[name])
                          for name in worked_example.TENSORS},
            "weight_numbers": tensors["weight"].size, "written_weight_numbers": written.size,
            "parameters": sum(tensors[name].size for name in ("kernel", "bias", "weight", "offset")),
            "written_parameters": sum(tensors[name].size for name in ("weight", "offset")),
            "pool_of_k": float((patches[:, :2].max(axis=1) == patches.max(axis=1)).mean())}


def _by_torch(tensors) -> tuple[dict, dict]:
    """The same pass in torch: the values and the gradients of each tensor."""
    t = {name: torch.tensor(tensors[name], requires_grad=True) for name in ("x", "kernel", "bias", "weight", "offset")}
    t["z"] = F.conv2d(t["x"], t["kernel"], t["bias"])
    t["a"] = F.relu(t["z"])
    t["p"] = F.max_pool2d(t["a"], 2)
    t["y"] = F.linear(t["p"].flatten(), t["weight"], t["offset"])
    loss = (t["y"] - torch.tensor(tensors["target"])).square().sum() / 2
    names = worked_example.TENSORS
    return t, dict(zip(names, torch.autograd.grad(loss, [t[name] for name in names]), strict=True))


def dense_gradient(a: torch.Tensor) -> dict:
    """∂L/∂W = Σ_i (ŷ_i - y_i) a_i and ∂L/∂b = Σ_i (ŷ_i - y_i), i over examples `a` (N, features), by output and loss.

    One output, except for the classes, where each row of W gets the formula with its own ŷ and y.
    """
    figures = {}
    losses = {
        "linear, squared error": (1, lambda z: z, lambda z, y: (z - y).square().sum() / 2),
        "sigmoid, squared error": (1, torch.sigmoid, lambda z, y: (z.sigmoid() - y).square().sum() / 2),
        "sigmoid, cross-entropy": (1, torch.sigmoid,
                                   lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum")),
        "softmax, squared error": (10, lambda z: z.softmax(dim=1),
                                   lambda z, y: (z.softmax(dim=1) - y).square().sum() / 2),
        "softmax, cross-entropy": (10, lambda z: z.softmax(dim=1),
                                   lambda z, y: F.cross_entropy(z, y, reduction="sum")),
    }
    for name, (outputs, activation, loss) in losses.items():
        w = torch.randn(outputs, a.shape[1], dtype=torch.float64).div(a.shape[1] ** 0.5).requires_grad_()
        b = torch.zeros(outputs, dtype=torch.float64, requires_grad=True)
        y = torch.eye(max(outputs, 2), dtype=torch.float64)[torch.randint(max(outputs, 2), (len(a),)), :outputs]
        z = F.linear(a, w, b)
        dw, db = torch.autograd.grad(loss(z, y), (w, b))
        error = activation(z) - y
        figures[name] = max(difference(error.T @ a, dw), difference(error.sum(dim=0), db))
    return {"formula": figures}
