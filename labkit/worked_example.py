"""The worked example of chapter 4 in NumPy: convolution, ReLU, max pooling, a dense layer and squared error.

The document (举例说明) writes down the forward pass and the gradients of the dense layer. Here each line has an output
position and a sum over channels, and every tensor has its gradient. Arrays are (channels, height, width).
"""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

TENSORS = ("x", "kernel", "bias", "z", "a", "p", "weight", "offset", "y")   # in the order of the forward pass


def windows(x: np.ndarray, size: int, stride: int = 1) -> np.ndarray:
    """Every size × size window of `x` (C, H, W), as (C, H', W', size, size) with H' = (H - size) // stride + 1."""
    return sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> np.ndarray:
    """z[f, u, v] = Σ_c,i,j kernel[f, c, i, j] · x[c, u·stride + i, v·stride + j] + bias[f], as `F.conv2d` has it.

    `kernel` is (F, C, k, k), `bias` (F,). In mathematics this is a cross-correlation: the kernel is not flipped.
    """
    return np.einsum("fcij,cuvij->fuv", kernel, windows(x, kernel.shape[-1], stride)) + bias[:, None, None]


def convolve_backward(dz: np.ndarray, x: np.ndarray, kernel: np.ndarray, stride: int = 1) -> tuple[np.ndarray, ...]:
    """The gradients of x, kernel and bias from the gradient `dz` of the output."""
    size, (_filters, height, width) = kernel.shape[-1], dz.shape
    dx = np.zeros_like(x)
    for i in range(size):
        for j in range(size):       # kernel[:, :, i, j] has met these pixels, one for each output
            met = dx[:, i:i + stride * height:stride, j:j + stride * width:stride]
            met += np.einsum("fc,fuv->cuv", kernel[:, :, i, j], dz)
    return dx, np.einsum("fuv,cuvij->fcij", dz, windows(x, size, stride)), dz.sum(axis=(1, 2))


def max_pool(a: np.ndarray, size: int = 2) -> np.ndarray:
    """p[c, u, v] = the largest of the size² values of a window; windows lie side by side, a rest is left out."""
    return windows(a, size, stride=size).max(axis=(3, 4))


def max_pool_backward(dp: np.ndarray, a: np.ndarray, size: int = 2) -> np.ndarray:
    """The gradient of `a`: each window hands its own to its largest value, the first of equal ones, as torch does."""
    da = np.zeros_like(a)
    largest = windows(a, size, stride=size).reshape(*dp.shape, size ** 2).argmax(axis=-1)
    c, u, v = np.indices(dp.shape)
    da[c, u * size + largest // size, v * size + largest % size] = dp
    return da


def initial(side: int = 28, filters: int = 1, classes: int = 10, seed: int = 0) -> dict[str, np.ndarray]:
    """Random float64 parameters for images of side × side pixels: kernel, bias, weight, offset."""
    draw = np.random.default_rng(seed)
    features = filters * ((side - 2) // 2) ** 2
    return {"kernel": draw.normal(0, 1 / 3, (filters, 1, 3, 3)), "bias": draw.normal(0, 0.1, filters),
            "weight": draw.normal(0, features ** -0.5, (classes, features)), "offset": draw.normal(0, 0.1, classes)}


def forward(x: np.ndarray, target: np.ndarray, kernel, bias, weight, offset) -> dict[str, np.ndarray]:
    """All tensors of the pass for one image (1, H, W), by name; "loss" is ½ Σ (y - target)²."""
    z = convolve(x, kernel, bias)
    a = np.maximum(0, z)
    p = max_pool(a)
    y = weight @ p.ravel() + offset
    loss = np.sum((y - target) ** 2) / 2
    return {"x": x, "kernel": kernel, "bias": bias, "z": z, "a": a, "p": p, "weight": weight, "offset": offset, "y": y,
            "target": target, "loss": loss}


def backward(t: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The gradient of the loss for each of `TENSORS`, from what `forward` returned: the same lines, last one first."""
    dy = t["y"] - t["target"]
    dp = (t["weight"].T @ dy).reshape(t["p"].shape)
    da = max_pool_backward(dp, t["a"])
    dz = da * (t["z"] > 0)
    dx, dkernel, dbias = convolve_backward(dz, t["x"], t["kernel"])
    return {"x": dx, "kernel": dkernel, "bias": dbias, "z": dz, "a": da, "p": dp,
            "weight": np.outer(dy, t["p"]), "offset": dy, "y": dy}
