"""Bytes that nobody would think of, for each reader of what a stranger may give: `python fuzzed.py 5000`.

Each example must end in a value or in the reader's own error. Run as a program, since a fault may end the process; it
prints how many examples each reader took, and how many it refused.
"""
import contextlib
import functools
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile
import tempfile
import warnings
import zlib
from collections import Counter
from datetime import timedelta
from pathlib import Path

import archives
import hostile
import numpy as np
import payloads
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labkit import data
from labkit.checklist import choose, faults, intake, process, saved
from labkit.checklist.network import build
from labkit.data import DataError
from labkit.data.images import read_fashion_mnist
from labkit.data.ratings import read_movielens
from labkit.data.unpickle import load_arrays
from labkit.instructors import class_summary
from labkit.settings import SettingError
from labkit.training import CheckpointError, checkpoint

MEMORY = 6_000_000_000      # bytes that the process may hold, where the system can limit it
SECONDS = 60                # of one example: above it, it hangs
BYTES = st.one_of(st.binary(max_size=8), st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80"]))


@st.composite
def mutated(draw, base: bytes) -> bytes:
    """`base` with one to six places overwritten, grown, taken out, doubled or cut off; half of them near its start."""
    content = bytearray(base)
    for _change in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, min(len(content), draw(st.sampled_from([200, len(content)])))))
        kind, new = draw(st.sampled_from(["set", "set", "insert", "delete", "double", "cut"])), draw(BYTES)
        if kind == "set":
            content[at:at + len(new)] = new
        elif kind == "insert":
            content[at:at] = new
        elif kind == "delete":
            del content[at:at + draw(st.integers(1, 40))]
        elif kind == "double":
            content[at:at] = content[at:at + draw(st.integers(1, 200))]
        else:
            del content[max(at, 1):]
    return bytes(content)


CELLS = st.one_of(st.text(max_size=6), st.sampled_from([
    "1e999", "-1e999", "1e308", "-1e308", "5e-324", "nan", "-nan", "inf", "+Infinity", "1_000",
    "0x1F", "１２", "٣", "½", "", " ", "?", "NA", "=1+1", '=cmd|"/C calc"!A0', '"', '""',
    'a"b', '"a\nb"', "a,b", "\ufeff", "\u202e", "\r", "\u2028",
    "x" * 200_000, "1" * 5_000, "true", "é", "猫", "\x1b[31m", "9" * 400]),
    st.floats().map(str), st.integers().map(str))


@st.composite
def tables(draw) -> bytes:
    columns = draw(st.integers(2, 5))
    rows = [[draw(st.sampled_from(["1.5", "2", "red", "a", "b"])) for _column in range(columns)] for _row in range(14)]
    for row, cells in enumerate(rows):
        cells[0], cells[-1] = f"{row}.5", "ab"[row % 2]
    rows.insert(0, [f"c{column}" for column in range(columns)])
    for _wild in range(draw(st.integers(0, 2))):
        row = draw(st.integers(0, len(rows) - 1))
        rows[row][draw(st.integers(0, columns - 1))] = draw(CELLS)
    separator = draw(st.sampled_from(",;\t"))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(separator.join(row) for row in rows)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-7", "cp1252"])),
                       "replace")


@functools.cache
def pictures() -> tuple[bytes, ...]:
    """One of each format and mode, TIFF and the animated ones among them."""
    made, draw = [], np.random.default_rng(0)
    for kind, modes in {"png": ("1", "L", "LA", "P", "RGB", "RGBA"), "jpeg": ("L", "RGB", "CMYK"),
                        "gif": ("L", "P"), "webp": ("RGB", "RGBA"), "bmp": ("1", "L", "P", "RGB"),
                        "tiff": ("L", "CMYK", "F"), "ppm": ("RGB",), "ico": ("RGBA",)}.items():
        for mode in modes:
            frames = [Image.fromarray(draw.integers(0, 255, (12, 10, 3), dtype="uint8")) for _frame in range(2)]
            frames = [frame.convert(mode) for frame in frames]
            more = {"save_all": True, "append_images": frames[1:]} if kind in ("gif", "webp", "png") else {}
            buffer = io.BytesIO()
            frames[0].save(buffer, kind, **more)
            made.append(buffer.getvalue())
    buffer = io.BytesIO()
    Image.fromarray(draw.integers(0, 60_000, (12, 10), dtype="uint16")).save(buffer, "png")
    made.append(buffer.getvalue())
    return tuple(made)


@st.composite
def images(draw) -> bytes:
    content = draw(st.sampled_from(pictures()))
    if draw(st.booleans()) and content.startswith(b"\x89PNG"):      # sides of another size, with a sound checksum
        sides = draw(st.tuples(*[st.sampled_from([0, 1, 2, 300, 5_000, 65_535, 2**31 - 1])] * 2))
        head = b"IHDR" + struct.pack(">2I", *sides) + content[24:29]
        content = content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]
    content = draw(st.one_of(st.just(content), mutated(content)))
    return hostile.zipped([("class0/a.png", content)], method=hostile.zipfile.ZIP_STORED)


VALUES = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
                                st.sampled_from([10**30, -1, "01", "../../x", "\ud800", "code", [], {}])),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                                  max_size=3),
                      max_leaves=5)


@st.composite
def edited(draw, contents) -> bytes:
    """`contents` as JSON, with one to three of its values replaced, taken out or put elsewhere; or with other bytes."""
    contents = json.loads(json.dumps(contents))
    for _change in range(draw(st.integers(1, 3))):
        places, todo = [], [contents]
        while todo:
            held = todo.pop()
            for key in held if isinstance(held, dict) else range(len(held)):
                places.append((held, key))
                if isinstance(held[key], dict | list):
                    todo.append(held[key])
        if not places:
            break
        held, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()) and isinstance(held, dict):
            del held[key]
        else:
            held[key] = draw(VALUES)
    content = json.dumps(contents).encode()
    return draw(st.one_of(st.just(content), st.just(content), mutated(content)))


def cell(kind: str, source: str, **more) -> dict:
    return {"cell_type": kind, "id": f"i{len(source)}", "metadata": {}, "source": source, **more}


NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"otter": {"assignment_name": "01"}}, "cells": [
    cell("markdown", "# Title"),
    cell("code", "lk.check.ch01.best_split(f)", execution_count=1, outputs=[
        {"output_type": "stream", "name": "stdout", "text": ["Exercise 1.1: correct."]},
        {"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}, "execution_count": 1},
        {"output_type": "error", "ename": "E", "evalue": "x", "traceback": []}]),
    cell("raw", "x")]}
OLDER = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [
    {"cell_type": "code", "input": "lk.check.ch01.a(1)", "language": "python", "metadata": {}, "outputs": [
        {"output_type": "stream", "stream": "stdout", "text": "x"}, {"output_type": "pyout", "text": "1"}]}]}]}


class Readers:
    """A folder with sound files, of which each example replaces one; a method for each reader."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("class", "run", "model", "cifar"):
            (folder / name).mkdir()
        checkpoint.save(folder, {"step": 1, "model": "toy", "recipe": {}}, {"w": torch.zeros(3, 2)},
                        {"history": {"loss": [1.0]}, "optimizer": {"m": torch.ones(3)}, "step": (1, 2)})
        self.step = folder / "step-00000001"
        self.sound = {path.name: path.read_bytes() for path in self.step.iterdir()}
        processed = process(intake(faults.SOUND["a sound table"](), folder / "run"))
        network = choose(processed, 4).description
        self.weights = saved.as_bytes(build(network).state_dict())
        self.about = {"version": 1, "kind": "table", "network": network, "class_names": ["cat", "dog"],
                      "preparation": saved.dataclasses.asdict(processed.preparation),
                      "weights_sha256": hashlib.sha256(self.weights).hexdigest(), "recipe": {}}

    def table(self, content):
        found = intake(("a.csv", content), self.folder / "run")
        assert len(repr(found)) < 10_000
        inputs = process(found).dataset.train.inputs
        assert torch.isfinite(inputs).all()

    def picture(self, content):
        assert intake(("a.zip", content), self.folder / "run").pictures.shape[1] in (1, 3)

    def notebook(self, content):
        (self.folder / "class" / "ada.ipynb").write_bytes(content)
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
            if class_summary.summarise(self.folder / "class", to=self.folder / "class.csv"):
                raise ValueError("reported as unreadable")

    def _checkpoint(self, name, content):
        for file, sound in self.sound.items():
            (self.step / file).write_bytes(sound)
        (self.step / name).write_bytes(content)
        if name != "about.json":
            about = json.loads(self.sound["about.json"])
            about["sizes"][name] = len(content)
            (self.step / "about.json").write_text(json.dumps(about))
        checkpoint.read(self.step)

    def checkpoint_about(self, content):
        self._checkpoint("about.json", content)

    def checkpoint_state(self, content):
        self._checkpoint("state.pt", content)

    def checkpoint_pickle(self, content):
        self._checkpoint("state.pt", payloads.torch_zip(content))

    def checkpoint_weights(self, content):
        self._checkpoint("weights.safetensors", content)

    def model_about(self, content, weights=None):
        (self.folder / "model" / saved.WEIGHTS).write_bytes(weights or self.weights)
        (self.folder / "model" / saved.ABOUT).write_bytes(content)
        found = saved.load(self.folder / "model")
        assert set(found.answer(found.preparation.blank())) == {"class", "probability"}

    def model_weights(self, content):
        about = {**self.about, "weights_sha256": hashlib.sha256(content).hexdigest()}
        self.model_about(json.dumps(about).encode(), content)

    def pickle(self, content):
        load_arrays(io.BytesIO(content), "batch")

    def tar(self, content):
        path = self.folder / "cifar" / archives.ARCHIVE
        path.write_bytes(gzip.compress(content, 1))
        data.load("cifar10", path=path)

    def films(self, content):
        (self.folder / "ml-100k.zip").write_bytes(content)
        read_movielens(self.folder / "ml-100k.zip")

    def arrays(self, content):
        (self.folder / "arrays.npz").write_bytes(content)
        read_fashion_mnist(self.folder / "arrays.npz")


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, contents in archives.batches(1, 1).items():
            member, content = tarfile.TarInfo(f"{archives.FOLDER}/{name}"), archives.python3(contents)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _npz() -> bytes:
    buffer = io.BytesIO()
    kinds = {"images": np.zeros((2, 28, 28), np.uint8), "labels": np.zeros(2, np.uint8)}
    np.savez_compressed(buffer, **{f"{part}_{name}": value for part in ("train", "test")
                                   for name, value in kinds.items()})
    return buffer.getvalue()


def examples(readers: Readers) -> dict:
    """By the name of a reader: what is given to it, and the error that it may end in."""
    batch = archives.batches(2, 2)["test_batch"]
    pickles = [archives.python2(batch), archives.python3(batch), payloads.pickle.dumps(batch, 4)]
    state = payloads.pickle.dumps({"loss": [1.0, (1, 2)], "name": {"a": None}}, 2)
    return {
        "table": (st.one_of(st.binary(max_size=500), mutated(faults.table()), tables(), tables(), tables()),
                  SettingError),
        "picture": (st.one_of(images(), images(), mutated(faults.packed(faults.folders()))), SettingError),
        "notebook": (st.one_of(edited(NOTEBOOK), edited(NOTEBOOK), edited(OLDER), st.binary(max_size=300)), ValueError),
        "checkpoint_about": (edited(json.loads(readers.sound["about.json"])), CheckpointError),
        "checkpoint_state": (mutated(readers.sound["state.pt"]), CheckpointError),
        "checkpoint_pickle": (mutated(state), CheckpointError),
        "checkpoint_weights": (mutated(readers.sound["weights.safetensors"]), CheckpointError),
        "model_about": (edited(readers.about), SettingError),
        "model_weights": (mutated(readers.weights), SettingError),
        "pickle": (st.one_of(*map(mutated, pickles), st.binary(max_size=300)), DataError),
        "tar": (mutated(_tar()), DataError),
        "films": (mutated(hostile.films()), DataError),
        "arrays": (mutated(_npz()), DataError)}


def check(name: str, readers: Readers, count: int) -> Counter:
    """Give `count` examples to the reader; how many it read, and how many it refused."""
    strategy, own = examples(readers)[name]
    counts: Counter = Counter()

    @settings(max_examples=count, derandomize=True, database=None, deadline=timedelta(seconds=SECONDS),
              suppress_health_check=list(HealthCheck))
    @given(strategy)
    def end_well(content):
        try:
            getattr(readers, name)(content)
            counts["read"] += 1
        except own as error:
            assert type(error) is own and 10 < len(str(error)) < 3_000, error
            counts["refused"] += 1
    end_well()
    return counts


def main(count: int, names: list[str]) -> None:
    warnings.simplefilter("ignore")
    if os.name != "nt":
        import resource  # not on Windows
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        readers = Readers(Path(folder))
        for name in names or examples(readers):
            print(json.dumps((name, check(name, readers, count))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
