"""Climb chapter 5's ladder beside the document's program in Keras: `make ladder`, or `python -m benchmarks.ladder`.

CIFAR-10 is read from --path, or fetched once. Keras on TensorFlow gets an environment of its own below build/peers/, as
in `make bench-peers`. Nothing else should run meanwhile: seconds are what is compared. On two cores it takes about
half an hour, and writes chapters/recorded/speedrun.json.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.kernel import ROOT
from benchmarks.peers.__main__ import HERE, PEERS
from labkit.data import load
from labkit.data.dataset import Dataset
from labkit.experiments.speedrun import LADDER, climb
from labkit.record import surroundings

TARGET = ROOT / "chapters" / "recorded" / "speedrun.json"
KERAS = "Keras on TensorFlow"


def document(data: Dataset, seeds: range) -> list[dict]:
    """The document's program with each seed, each in a fresh process; it splits off its validation part itself."""
    peer = PEERS[KERAS]
    peer.set_up()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.npz"
        parts = [np.concatenate([part.numpy() for part in pair]) for pair in (
            (data.train.inputs, data.validation.inputs), (data.train.targets, data.validation.targets))]
        np.savez(file, inputs=parts[0].transpose(0, 2, 3, 1), targets=parts[1],
                 test_inputs=data.test.inputs.numpy().transpose(0, 2, 3, 1), test_targets=data.test.targets.numpy())
        for seed in seeds:
            said = subprocess.run([peer.python, HERE / "document_program.py", file, str(seed)], check=True, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            found.append(json.loads(next(line for line in said.splitlines() if line.startswith("answer "))[7:]))
            print(found[-1], flush=True)
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.split("\n")[0])
    parser.add_argument("--path", metavar="FOLDER", help="where the data are, if not in the data folder")
    parser.add_argument("--seeds", type=int, default=2,
                        help="seeds of each rung (2); the program in Keras gets one more")
    parser.add_argument("--last", type=int, default=5, help="seeds of the last rung (5)")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    data = load("cifar10", path=options.path, validation=0.1)
    record = {**surroundings(), "data": {"name": data.name, "sha256": data.sha256, "note": data.note,
                                         "train": len(data.train), "validation": len(data.validation),
                                         "test": len(data.test)}}
    runs = document(data, range(options.seeds + 1))
    record["document"] = {"versions": PEERS[KERAS].versions(), "runs": runs}
    record["rungs"] = []
    for rung in LADDER:
        for seed in range(options.last if rung is LADDER[-1] else options.seeds):
            record["rungs"].append(climb(rung, data, seed))
            print(record["rungs"][-1], flush=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
