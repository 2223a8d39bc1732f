"""Compare `Run` with other libraries' loops and write benchmarks/PEERS-….md: `make bench-peers`.

Each peer gets an environment of its own below build/peers/, outside the project's lock, and a process that stays; runs
alternate as in `python -m benchmarks`. TensorFlow alone is half a gigabyte to download. Who is ahead depends on the
processor, so there is a page for each set of instructions, which is in its name.
"""
import contextlib
import functools
import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.__main__ import about, asked, publish
from benchmarks.kernel import ROOT
from benchmarks.parts import FULL, QUICK, Size, measure
from benchmarks.report import Part, Row
from benchmarks.timing import alternate, ratios
from labkit.record import instructions

HERE, ENVIRONMENTS = Path(__file__).parent, ROOT / "build" / "peers"


@dataclass(frozen=True)
class Peer:
    """A script of this folder, what it needs besides Python, and what it is."""
    script: str
    packages: tuple[str, ...]
    meaning: str

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.script / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def set_up(self) -> None:
        """Make the environment, unless it is there with what it needs."""
        asked = ENVIRONMENTS / self.script / "asked.txt"
        if asked.exists() and asked.read_text() == "\n".join(self.packages):
            return
        venv.create(ENVIRONMENTS / self.script, clear=True, with_pip=True)
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", *self.packages], check=True)
        asked.write_text("\n".join(self.packages))

    def versions(self) -> str:
        code = "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
        names = [package.split("=")[0] for package in self.packages]
        return subprocess.run([self.python, "-c", code, *names], check=True, capture_output=True,
                              text=True).stdout.strip()


# The same torch as the course's, so that two loops are compared and not two versions.
TORCH = f"torch=={version('torch').split('+')[0]}"
PEERS = {
    "Keras on TensorFlow": Peer("keras_tensorflow", ("tensorflow", "keras"), "float images in memory, an epoch in one "
                                "call of the graph (steps_per_execution), no XLA"),
    "Keras on TensorFlow, XLA": Peer("keras_tensorflow", ("tensorflow", "keras"), "the same with jit_compile=True"),
    "Lightning": Peer("lightning_torch", (TORCH, "lightning"), "barebones=True; whole batches from tensors in memory, "
                      "channels last, fused Adam"),
    "skorch": Peer("skorch_torch", (TORCH, "skorch"), "no split, no callbacks; channels last, fused Adam"),
}


@contextlib.contextmanager
def process(name: str):
    """The peer's process; yields a function of batch size and images that gives its images per second."""
    peer = PEERS[name]
    variables = {**os.environ, "JIT": "1" if name.endswith("XLA") else "0"}
    with subprocess.Popen([peer.python, HERE / f"{peer.script}.py"], env=variables, text=True, bufsize=1,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        def ask(batch_size: int, images: int) -> float:
            print(batch_size, images, file=child.stdin, flush=True)
            for line in child.stdout:
                if line.startswith("answer "):
                    return json.loads(line.removeprefix("answer "))["images_per_second"]
            raise RuntimeError(f"{name} ended without an answer: run {peer.python} {peer.script}.py by hand.")
        try:
            yield ask
        finally:
            child.kill()


def run_speed(batch_size: int, size: Size) -> float:
    """Images per second of the faster of two epochs, as it is with the peers."""
    return max(measure("Run", batch_size, size.images, size).images_per_second for _epoch in range(2))


def compare(names: list[str], size: Size) -> tuple[Part, dict]:
    """`Run` against each peer at both batch sizes; every one is ahead or behind by the ratio within a round."""
    rows, raw = [], {}
    meanings = {"Run": "labkit.Run", **{name: f"{PEERS[name].meaning}; {PEERS[name].versions()}" for name in names}}
    with contextlib.ExitStack() as stack:
        asks = {name: stack.enter_context(process(name)) for name in names}
        for batch_size in (32, 128):
            contestants = {"Run": functools.partial(run_speed, batch_size, size),
                           **{name: functools.partial(ask, batch_size, size.images) for name, ask in asks.items()}}
            raw[batch_size] = results = alternate(contestants, size.rounds)
            rows += [Row(f"{name}, batch {batch_size}", values, "images/s", meanings[name])
                     for name, values in results.items()]
            rows += [Row(f"Run / {name}, batch {batch_size}", ratios(results["Run"], results[name]), "×",
                         f"speed of Run against that of {name}", 1.0) for name in names]
    return Part("Peers", (
        f"The document's network, {size.images:,} images an epoch. Of each the faster of two epochs counts: of a peer "
        "its second and third, of `Run` two that each follow its first steps."), rows), raw


def main(arguments: list[str]) -> int:
    options = asked("python -m benchmarks.peers", __doc__, "peer", PEERS, arguments)
    for name in options.names:
        PEERS[name].set_up()
    facts = about("python -m benchmarks.peers", arguments)
    part, raw = compare(options.names, QUICK if options.quick else FULL)
    publish([part], facts, raw, f"PEERS-{instructions()}.md", "peers", options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
