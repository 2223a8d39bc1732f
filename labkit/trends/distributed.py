"""Two processes train as one: torchrun started from a notebook, and what a thousand would have to send.

What a run does then differently is in `labkit.training.distributed`. Here are a script, a function that starts it, and
the arithmetic of the ring all-reduce.
"""
import contextlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labkit.language import _
from labkit.settings import refuse
from labkit.training.recipe import whole

PARAMETERS = 269_322        # of the script's network
SCRIPT = '''\
"""Nothing here knows of other processes, except that one of them writes the result."""
import json, sys, time
import labkit as lk
from labkit.models.dense import MLP

settings, target = json.loads(sys.argv[1]), sys.argv[2]
data, found = lk.data.load("fashion-mnist"), []
for batch_size in settings["batch_sizes"]:
    recipe = lk.Recipe(steps=settings["steps"], batch_size=batch_size, optimizer="momentum",
                       learning_rate=0.01, seed=settings["seed"])
    run = lk.Run(lambda: MLP(784, 256, 256, 10), data, recipe, "cpu", threads=settings["threads"])
    clock = [time.perf_counter() for step in run]
    found.append({"losses": run.history["train_loss"].tolist(), "clock": clock})
if run.rank == 0:
    json.dump(found, open(target, "w"))
'''
LOOPBACK = {"linux": "lo", "darwin": "lo0"}
PATIENCE = 10       # seconds that torchrun has to end its processes, before it is killed


class ProcessError(RuntimeError):
    """Processes that failed or took too long: the message has the last lines of what they said."""


def start(processes: int = 2, script: str = SCRIPT, timeout: float = 300, **settings) -> list:
    """Run `script` on `processes` processes of this machine, and return what it wrote.

    The script gets two arguments: `settings` as JSON, and the file to write its result to, as JSON. It is started as a
    learner would: `torchrun --nproc-per-node 2 train.py ...`, or `python train.py ...` for one process. torchrun is
    bound to the loopback address and finds a free port by itself; each process has one thread unless it asks for more.

    Raises `ProcessError` if a process fails, writes nothing, or has not ended after `timeout` seconds; all of them have
    ended then.
    """
    whole("processes", processes, 1)
    with tempfile.TemporaryDirectory() as folder:
        file, target = Path(folder) / "train.py", Path(folder) / "result.json"
        file.write_text(script, encoding="utf-8")
        torchrun = [] if processes == 1 else [
            "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1",
            "--nproc-per-node", str(processes)]
        said = _call([sys.executable, *torchrun, str(file), json.dumps(settings), str(target)], timeout)
        if not target.exists():
            raise ProcessError(_("The processes ended without a result. They said:\n{said}").format(said=said))
        return json.loads(target.read_text())


def here(script: str = SCRIPT, **settings) -> list:
    """Run `script` once, in this process: without torchrun, and without waiting for torch to be loaded again."""
    before = sys.argv
    with tempfile.TemporaryDirectory() as folder:
        file, target = Path(folder) / "train.py", Path(folder) / "result.json"
        file.write_text(script, encoding="utf-8")
        sys.argv = [str(file), json.dumps(settings), str(target)]
        try:
            runpy.run_path(str(file), run_name="__main__")
        finally:
            sys.argv = before
        return json.loads(target.read_text())


def _call(command: list[str], timeout: float) -> str:
    """What the command says, both streams together. Raises `ProcessError` unless it ends well and in time."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TORCHELASTIC_")}
    surroundings = {"OMP_NUM_THREADS": "1", **inherited}
    if sys.platform in LOOPBACK:
        surroundings["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env=surroundings, start_new_session=True)    # so that ■ reaches it through us alone
        late = False
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _end(process)
        output.seek(0)
        said = "\n".join(_telling(output.read().splitlines())[-20:])
    if late:
        raise ProcessError(_(
            "After {seconds:g} s the processes had not ended and were stopped. They said:\n{said}").format(
                seconds=timeout, said=said))
    if process.returncode:
        raise ProcessError(_("A process failed. It said:\n{said}").format(said=said))
    return said


def _end(process: subprocess.Popen) -> None:
    """Ask torchrun to end, which ends its processes first; kill it if it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _telling(lines: list[str]) -> list[str]:
    """The lines up to torchrun's own report of a failure, which says where a process failed and not why."""
    for place, line in enumerate(lines):
        if "torch/distributed/elastic" in line.replace(os.sep, "/") or "ChildFailedError" in line:
            return lines[:place] or lines
    return lines


def speed(found: dict, batch_size: int) -> float:
    """Examples a second of one run of SCRIPT: of its median step, the first ten left out where there are more."""
    clock = np.asarray(found["clock"])
    seconds = np.diff(clock[10:] if len(clock) > 20 else clock)
    return float(batch_size / np.median(seconds))


def difference(one: dict, other: dict) -> float:
    """How far two runs' losses are apart at most, in nats."""
    return float(np.abs(np.subtract(one["losses"], other["losses"])).max())


@dataclass(frozen=True)
class Scaling:
    """A step of `n` processes, each with a whole copy of the model, that average gradients by ring all-reduce.

    parameters      numbers in the gradient, of 4 bytes each
    compute         seconds that one process takes for one step of the whole batch
    bandwidth       bytes a second that a process can send, while it receives as many
    latency         seconds before a message arrives, however short it is
    grow            False: the batch stays, and each process has an nth of it. True: each process has a whole
                    batch, and the effective batch grows.

    A ring cuts the gradient into n pieces and sends 2(n − 1) of them one after another (Patarasu & Yuan 2009,
    "Bandwidth optimal all-reduce algorithms for clusters of workstations"). Left out: that processes wait for the
    slowest, and that real networks have slower and faster links.
    """
    parameters: float
    compute: float
    bandwidth: float
    latency: float = 0.0
    grow: bool = False

    def __post_init__(self):
        for name in ("parameters", "compute", "bandwidth"):
            if not getattr(self, name) > 0:
                raise refuse(name, getattr(self, name), _("a number above 0"))
        if not self.latency >= 0:
            raise refuse("latency", self.latency, _("a number of at least 0"))

    def sent(self, n):
        """Bytes that each of `n` processes sends in one step: 2(n − 1)/n times the gradient."""
        return 2 * (n - 1) / n * 4 * self.parameters

    def sending(self, n):
        """Seconds that this takes."""
        return self.sent(n) / self.bandwidth + 2 * (n - 1) * self.latency

    def computing(self, n):
        """Seconds that a process computes in one step."""
        return self.compute if self.grow else self.compute / n

    def speedup(self, n, overlap: bool = False):
        """How many times the examples a second of one process.

        With `overlap` gradients travel while the rest is still computed, as DistributedDataParallel does: the longer of
        the two counts. Without, one follows the other. What is measured lies between them.
        """
        seconds = np.maximum(self.computing(n), self.sending(n)) if overlap else self.computing(n) + self.sending(n)
        return self.compute * (n if self.grow else 1) / seconds

    def words(self, n: int, batch: int) -> str:
        """One step of `n` processes and `batch` images, with the numbers put into the formula."""
        total, sent = batch * n if self.grow else batch, self.sent(n)
        return "\n".join((
            _("sent by each: 2 · ({n} − 1)/{n} · 4 bytes · {parameters:,.0f} = {sent:,.3g} MB").format(
                n=n, parameters=self.parameters, sent=sent / 1e6),
            _("sending: {sent:,.3g} MB / {speed:,.3g} GB/s + 2 · ({n} − 1) · {latency:,.3g} µs = {ms:,.3g} ms").format(
                sent=sent / 1e6, speed=self.bandwidth / 1e9, n=n, latency=1e6 * self.latency,
                ms=1000 * self.sending(n)),
            _("computing: {ms:,.3g} ms").format(ms=1000 * self.computing(n)),
            _("effective batch: {total:,}, {each:,.2f} images for each").format(total=total, each=total / n),
            _("times as fast: {after:,.1f} (sends after computing) to {during:,.1f} (while computing)").format(
                after=self.speedup(n), during=self.speedup(n, overlap=True)),
            *([_("Some processes have no image at all: this run would be refused.")] if total < n else [])))
