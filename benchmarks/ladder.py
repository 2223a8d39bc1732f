"""Climb chapter 5's ladder beside the document's program in Keras: `make ladder`, or `python -m benchmarks.ladder`.

CIFAR-10 is read from --path, or fetched once. Keras on TensorFlow gets an environment of its own below build/peers/, as
in `make bench-peers`. Nothing else should run meanwhile: seconds are what is compared. On two cores it takes half
an hour to an hour, and writes chapters/recorded/speedrun.json after each run; `--resume` goes on from there.
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


def images_file(data: Dataset, folder: str) -> Path:
    """Write the images for `document_program.py`, which splits off the last tenth for validation itself."""
    file = Path(folder) / "images.npz"
    parts = [np.concatenate([part.numpy() for part in pair]) for pair in (
        (data.train.inputs, data.validation.inputs), (data.train.targets, data.validation.targets))]
    np.savez(file, inputs=parts[0].transpose(0, 2, 3, 1), targets=parts[1],
             test_inputs=data.test.inputs.numpy().transpose(0, 2, 3, 1), test_targets=data.test.targets.numpy())
    return file


def document(file: Path, seed: int) -> dict:
    """The document's program in a fresh process."""
    said = subprocess.run([PEERS[KERAS].python, HERE / "document_program.py", file, str(seed)], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return json.loads(next(line for line in said.splitlines() if line.startswith("answer "))[7:])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.split("\n")[0])
    parser.add_argument("--path", metavar="FOLDER", help="where the data are, if not in the data folder")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each rung (2)")
    parser.add_argument("--document", type=int, default=3, help="seeds of the program in Keras (3)")
    parser.add_argument("--last", type=int, default=5, help="seeds of the last two rungs (5)")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--resume", action="store_true", help="keep the runs that the record holds, and do the others")
    options = parser.parse_args(arguments)
    before = json.loads(options.out.read_text(encoding="utf-8")) if options.resume else {
        "document": {"runs": []}, "rungs": []}
    data = load("cifar10", path=options.path, validation=0.1)
    record = {**surroundings(), "data": {"name": data.name, "sha256": data.sha256, "note": data.note,
                                         "train": len(data.train), "validation": len(data.validation),
                                         "test": len(data.test)}}

    def note(runs: list, run: dict) -> None:
        runs.append(run)
        print(run, flush=True)
        options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")     # what was run is kept

    PEERS[KERAS].set_up()
    record["document"] = {"versions": PEERS[KERAS].versions(), "runs": before["document"]["runs"]}
    record["rungs"] = before["rungs"]
    done = {(KERAS, run["seed"]) for run in record["document"]["runs"]} | {
        (run["idea"], run["seed"]) for run in record["rungs"]}
    with tempfile.TemporaryDirectory() as folder:
        file = images_file(data, folder)
        # Rungs take turns, so that a slow quarter of an hour meets all alike.
        for seed in range(max(options.document, options.seeds, options.last)):
            if seed < options.document and (KERAS, seed) not in done:
                note(record["document"]["runs"], document(file, seed))
            for rung in LADDER:
                wanted = seed < (options.last if rung in LADDER[-2:] else options.seeds)
                if wanted and (rung.idea, seed) not in done:
                    note(record["rungs"], climb(rung, data, seed))
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
