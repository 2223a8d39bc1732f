"""What the kernel of a load test has in it: a lab that trains a small network, and what must not grow as it is used."""
import gc
import json
import threading

import comm
import ipywidgets
import psutil
from IPython import get_ipython
from toy import ToyNet, toy_dataset

import labkit as lk

DATA = toy_dataset()


def train(p, report):
    """What chapter 5's lab does, on images of 8x8."""
    recipe = lk.Recipe(steps=p.steps, learning_rate=p.learning_rate, batch_size=p.batch_size, seed=p.seed,
                       validate_every=20)
    for step in lk.Run(ToyNet, DATA, recipe, threads=1):
        report(step, train_loss=step.loss, validation_accuracy=step.validation_accuracy)


def lab(later: int = 150, first: int = 40) -> lk.LiveLab:
    """A lab whose runs have so many steps."""
    return lk.LiveLab(train, steps=(first, later), goal={"validation_accuracy": 2}, title="load",
                      learning_rate=lk.Log(1e-4, 1, 3e-3), batch_size=lk.Choice(16, 32))


def memory() -> int:
    """Bytes of this process that are in memory."""
    return psutil.Process().memory_info().rss


def left() -> str:
    """Threads, hooks, connections to the page, and memory, as JSON.

    Neither pyzmq's own thread, one for the process, which begins with the first message of more than 64 kB, nor the
    subshells of JupyterLab: each load of a page begins one, and it stays until the kernel ends.
    """
    for thread in threading.enumerate():
        if thread.name == "labkit-lab":
            thread.join(1)      # seconds: one whose lab has just finished takes a moment to go
    before = memory()
    gc.collect()
    return json.dumps({
        "threads": sorted(thread.name for thread in threading.enumerate()
                          if not type(thread).__module__.startswith("zmq") and not thread.name.startswith("subshell-")),
        "hooks": {event: len(hooks) for event, hooks in get_ipython().events.callbacks.items()},
        "comms": len(comm.get_comm_manager().comms),
        "widgets": len(ipywidgets.Widget.widgets),
        "memory": before, "memory after gc": memory()})


def said(lab: lk.LiveLab) -> str:
    """Where `lab` is, as JSON."""
    works, rests = lab._worker is not None, lab._worker is None or lab._is_resting()
    run = lab.history       # only now: what rests has begun no other run since
    return json.dumps({
        "settings": run.settings, "values": lab.values, "seed": run.seed, "state": run.state, "number": run.number,
        "step": run.last_step, "runs": len(lab.runs), "works": works, "rests": rests,
        "error": repr(lab.error) if lab.error else "", "generation": lab._generation})
