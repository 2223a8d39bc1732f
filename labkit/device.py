"""Which device to compute on, what to call it, how many threads may be used; where a model is, and in which mode.

The choice of CUDA and MPS is tested with patched availability; neither has been run on such a device yet.
"""
import contextlib
import itertools

import torch
from torch import nn

from labkit.settings import choose as _choose
from labkit.settings import core_count

NAMES = ("auto", "cuda", "mps", "cpu")


def choose(device: str | torch.device = "auto") -> torch.device:
    """Return the device to use: CUDA, then Apple's MPS, then the CPU, or the one that is named.

    Raises `SettingError` for an unknown name and for a device that this machine does not have.
    """
    if isinstance(device, torch.device):
        device = str(device)
    kind = device.split(":")[0] if isinstance(device, str) else device
    _choose("device", kind, NAMES)
    have = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if kind == "auto":
        return torch.device(next(name for name in NAMES[1:] if have[name]()))
    if not have[kind]():
        _choose("device", device, ["auto", *[name for name in NAMES[1:] if have[name]()]])
    return torch.device(device)


def describe(device: torch.device) -> str:
    """A short name for people: `NVIDIA H100`, `Apple GPU`, `CPU, 2 cores`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {core_count()} cores"


def has_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies in bf16 itself: newer CUDA cards, and x86 processors with AVX512-BF16 or AMX.

    Where bf16 is imitated, a training step of `labkit.models.SpeedrunCNN` took 14 times as long as in
    float32 (Zen 3, batches of 100).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()      # older torch cannot tell
    return device.type == "cpu" and any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


@contextlib.contextmanager
def threads(count: int):
    """Let torch use `count` threads inside the block, and as many as before after it."""
    before = torch.get_num_threads()
    use_threads(count)
    try:
        yield
    finally:
        use_threads(before)


def use_threads(count: int) -> None:
    """Let torch use `count` threads from now on. Where it does already, nothing is set.

    A change makes the next step slower: changed and changed back at each step of a small network (SmallCNN, batch
    32), it took a tenth of the time, 1.01 ms a step in place of 0.92.
    """
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def one_blas_thread():
    """Let NumPy, SciPy and so scikit-learn multiply with one thread inside the block; torch keeps its own number.

    By default they share out every small product to all cores. Logistic regression on 4,000 images of 14 x 14 took
    0.8 s with one thread of two cores, 2.4 s with both, and 4 to 15 s with both where another process kept one busy.
    """
    from threadpoolctl import threadpool_limits
    return threadpool_limits(1, user_api="blas")


@contextlib.contextmanager
def eval_mode(model: nn.Module):
    """Put `model` in eval mode inside the block; then every submodule is as it was, frozen ones too."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def device_of(model: nn.Module) -> torch.device:
    """Where the model's numbers are; the CPU for a model that has none."""
    first = next(itertools.chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device
