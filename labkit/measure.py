"""Time and memory of a call, measured."""
import random
import time
import weakref
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from labkit.loss import mean_loss


def seconds(calls: dict[str, Callable[[], object]], rounds: int = 20, warm_up: int = 3) -> dict[str, list[float]]:
    """Seconds of each call in each round. They take turns, so that whatever else the machine does meets all alike.

    Each round has an order of its own: a call that always came after the same other one would find the caches as
    that one leaves them. Calls must wait for what they start: on an accelerator end them with `.item()` or a
    synchronisation.
    """
    for call in calls.values():
        for _round in range(warm_up):
            call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    draw = random.Random(0)
    for _round in range(rounds):
        for name in draw.sample(list(calls), len(calls)):
            began = time.perf_counter()
            calls[name]()
            found[name].append(time.perf_counter() - began)
    return found


def peak_bytes(call: Callable[[], object], held: Iterable[torch.Tensor] = ()) -> int:
    """The most bytes of tensors that are alive at once while `call` runs, on any device.

    `held` are tensors that exist before and stay (weights, optimizer state, a batch). Tensors that share memory
    count once; room that a kernel takes for itself and gives back is not seen.
    """
    with _Watch() as watch:
        for tensor in held:
            watch.add(tensor)
        call()
    return watch.peak


def costs(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, rounds: int = 20) -> dict[str, dict]:
    """What a training step with Adam and inference cost on this batch: `seconds` and peak `bytes` of each.

    Returns {"training step": {...}, "inference": {...}}; the seconds are those of the fastest round, since what
    disturbs a measurement makes it longer. Both run in the model's present mode, and it is trained.
    """
    optimizer = torch.optim.Adam(model.parameters(), fused=inputs.device.type in ("cpu", "cuda"))

    def train() -> None:
        optimizer.zero_grad()
        mean_loss(model(inputs), targets).backward()
        optimizer.step()

    def infer() -> torch.Tensor:
        with torch.inference_mode():
            return model(inputs)
    calls = {"training step": train, "inference": infer}
    times = seconds(calls, rounds)
    optimizer.zero_grad()
    state = [value for values in optimizer.state.values() for value in values.values()]
    held = {"training step": [*model.parameters(), *state, inputs, targets], "inference": [*model.parameters(), inputs]}
    return {name: {"seconds": min(times[name]), "bytes": peak_bytes(call, held[name])}
            for name, call in calls.items()}


class _Watch(TorchDispatchMode):
    """Keeps account of each storage from the operation that made it until it is freed."""

    def __init__(self):
        super().__init__()
        self.live = self.peak = 0
        self._known: dict[int, weakref.ref] = {}

    def add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def freed(_reference):
            del self._known[key]
            self.live -= size
        self._known[key] = weakref.ref(storage, freed)
        self.live += size
        self.peak = max(self.peak, self.live)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.add(leaf)
        return result
