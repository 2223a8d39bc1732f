"""Files that a stranger made: what they try to run is not run, what they try to fill or to reach stays as it was."""
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import archives
import numpy as np
import payloads
import pytest
import torch

from labkit import data
from labkit.checklist import faults, intake, saved
from labkit.data import DataError
from labkit.data.images import read_fashion_mnist
from labkit.data.ratings import read_movielens
from labkit.data.unpickle import load_arrays
from labkit.instructors import returned
from labkit.settings import SettingError
from labkit.training import CheckpointError, checkpoint

TESTS = Path(__file__).parent


def cifar(folder: Path, content: bytes):
    (folder / "test_batch").write_bytes(content)
    data.load("cifar10", path=folder)


def cifar_archive(folder: Path, content: bytes):
    data.load("cifar10", path=archives.write(folder / "archive" / archives.ARCHIVE,
                                             {**archives.batches(2, 2), "batches.meta": content}))


def in_checkpoint(name: str):
    """A reader of a checkpoint whose file `name` is the content, and is said to be as large as it is."""
    def read(folder: Path, content: bytes):
        place = folder / "step-00000001"
        (place / name).write_bytes(content)
        about = json.loads((place / "about.json").read_text())
        about["sizes"][name] = len(content)
        (place / "about.json").write_text(json.dumps(about))
        checkpoint.read(place)
    return read


state, weights = in_checkpoint("state.pt"), in_checkpoint("weights.safetensors")


def model(folder: Path, content: bytes):
    (folder / saved.WEIGHTS).write_bytes(content)
    (folder / saved.ABOUT).write_text(json.dumps({"version": saved.VERSION, "network": {}, "weights_sha256":
                                                  hashlib.sha256(content).hexdigest()}))
    saved.load(folder)


def described(folder: Path, content: bytes):
    (folder / saved.WEIGHTS).write_bytes(b"")
    (folder / saved.ABOUT).write_bytes(content)
    saved.load(folder)


def pictures(folder: Path, content: bytes):
    (folder / "set.npz").write_bytes(content)
    read_fashion_mnist(folder / "set.npz")


def films(folder: Path, content: bytes):
    (folder / "ml-100k.zip").write_bytes(content)
    read_movielens(folder / "ml-100k.zip")


def notebook(folder: Path, content: bytes):
    (folder / "a.ipynb").write_bytes(content)
    returned.load(folder / "a.ipynb")


def upload(name: str):
    return lambda folder, content: intake((name, content), folder / "run")


def as_it_is(payload: bytes) -> bytes:
    return payload


# A reader, what the payload is put into, and the error that it is to end in.
READERS = {
    "a batch of CIFAR-10": (cifar, as_it_is, DataError),
    "CIFAR-10's archive": (cifar_archive, as_it_is, DataError),
    "state.pt, a pickle": (state, as_it_is, CheckpointError),
    "state.pt, a zip": (state, payloads.torch_zip, CheckpointError),
    "state.pt, of an old torch": (state, payloads.torch_legacy, CheckpointError),
    "weights.safetensors": (weights, as_it_is, CheckpointError),
    "weights.safetensors, a zip of torch's": (weights, payloads.torch_zip, CheckpointError),
    "model.safetensors": (model, as_it_is, SettingError),
    "model.safetensors, a zip of torch's": (model, payloads.torch_zip, SettingError),
    "model.json": (described, as_it_is, SettingError),
    "arrays (.npy)": (pictures, payloads.npy, DataError),
    "arrays (.npz)": (pictures, lambda payload: payloads.zipped({"train_images.npy": payloads.npy(payload)}),
                      DataError),
    "arrays, a pickle": (pictures, as_it_is, DataError),
    "films": (films, as_it_is, DataError),
    "an upload called .csv": (upload("a.csv"), as_it_is, SettingError),
    "an upload called .pkl": (upload("a.pkl"), as_it_is, SettingError),
    "an upload of torch's": (upload("model.pt"), payloads.torch_zip, SettingError),
    "an upload of NumPy's": (upload("a.npy"), payloads.npy, SettingError),
    "a picture in an upload": (upload("a.zip"), lambda payload: faults.packed(
        {**faults.folders(), "class0/a.png": payload}), SettingError),
    "a notebook": (notebook, as_it_is, ValueError),
}


@pytest.fixture(scope="module")
def ran_unprotected(tmp_path_factory):
    """Which payloads run where nobody protects himself: in a process of its own, by each reader."""
    folder = tmp_path_factory.mktemp("unprotected")
    code = f"import json, payloads; print(json.dumps(payloads.runs({str(folder)!r})))"
    child = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=TESTS, capture_output=True, text=True,
                           check=True)
    return json.loads(child.stdout.splitlines()[-1])


@pytest.mark.promise
def test_no_pickle_runs_its_code(tmp_path, ran_unprotected, measured):
    assert ran_unprotected == dict.fromkeys(ran_unprotected, list(payloads.PAYLOADS))
    checkpoint.save(tmp_path, {"step": 1, "model": "toy", "recipe": {}}, {"w": torch.zeros(2)}, {})
    for name, content in archives.batches(2, 2).items():
        (tmp_path / name).write_bytes(archives.python3(content))
    markers = tmp_path / "markers"
    markers.mkdir()
    refused = 0
    for place, (kind, (read, put, error)) in enumerate(READERS.items()):
        for number, (name, make) in enumerate(payloads.PAYLOADS.items()):
            with pytest.raises(error) as said:
                read(tmp_path, put(make(str(markers / f"{place}-{number}"))))
            assert type(said.value) is error and 20 < len(str(said.value)) < 1000, (kind, name)
            assert not list(markers.iterdir()), f"{name} ran in {kind}"
            refused += 1
    measured(f"{len(payloads.PAYLOADS)} pickles that run code when Python, torch or NumPy reads them, each as "
             f"{len(READERS)} kinds of file: {refused} refusals, none ran")


def pickled(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


DTYPE = b"cnumpy\ndtype\n(U\x02u1I00\nI01\ntR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"


@pytest.mark.parametrize("content", [
    pickled(b"N", b"r\xff\xff\xff\xff"),                                            # a memory of 64 GB
    pickled(b"(", b"(" * 900_000, b"t" * 900_000, b"Nd"),                           # hashed, it ends the process
    pickled(b"}", b")" + b"\x85" * 200_000, b"Ns"),
    pickled(b"cnumpy\ndtype\nq\x00)q\x01" + b"h\x00h\x01N\x86q\x01R0" * 9_000, b"}h\x01Ns"),  # in pairs for calls
    pickled(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x01t", DTYPE.replace(
        b"U\x02u1", b"U\x02O8"), b"I00\nU\x08AAAAAAAAtb"),                       # an object at a chosen address
    pickled(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(J\xff\xff\xff\x7ft", DTYPE,
            b"I00\nU\x08AAAAAAAAtb"),                                               # 2 GB in 8 bytes
    pickled(b"cnumpy\ndtype\n(NU\x0d__setstate__Kttb"),                             # the class itself
    pickled(b"c_codecs\nencode\n(U\x05a" + b"aaaaU\x04idnatR"),
    pickled(b"B\xff\xff\xff\x7fabc"),
    pickled(b"Q"), pickled(b"\x82\x01"), pickled(b"I" + b"9" * 100_000 + b"\n")])
def test_a_pickle_of_few_bytes_neither_fills_the_memory_nor_ends_the_process(content):
    with pytest.raises(DataError, match="^batch (is damaged|is no data)"):
        load_arrays(io.BytesIO(content), "batch")


def test_a_batch_as_python_3_writes_it_is_read():
    """Each name a call with a pair: ten thousand of them, as in the official batch."""
    batch = {b"labels": list(range(10)) * 1_000, b"filenames": [f"picture_{place:05d}.png".encode() for place in
                                                               range(10_000)], b"data": np.zeros((3, 4), "uint8")}
    found = load_arrays(io.BytesIO(payloads.pickle.dumps(batch, 2)), "batch")
    assert found[b"filenames"] == batch[b"filenames"] and found[b"data"].tolist() == batch[b"data"].tolist()


def test_a_dtype_of_ours_is_not_changed_by_what_a_pickle_says_of_it():
    flags = np.dtype("uint8").flags
    found = load_arrays(io.BytesIO(pickled(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x03t", DTYPE,
        b"I00\nU\x03abctb")), "batch")
    assert found.tolist() == [97, 98, 99] and found.dtype.flags == flags == np.dtype("uint8").flags


def huge_record() -> bytes:
    content = payloads.torch_zip(bytes(3_000_000))
    buffer = io.BytesIO()
    with payloads.zipfile.ZipFile(io.BytesIO(content)) as given, payloads.zipfile.ZipFile(buffer, "w", 8) as packed:
        for member in given.infolist():
            packed.writestr(member.filename, given.read(member))
    return buffer.getvalue()


@pytest.mark.parametrize(("content", "words"), [
    (lambda: payloads.torch_zip(payloads.pickle.dumps(payloads.Calls(bytearray, 10**11), 2)),
     "names __builtin__ bytearray"),
    (huge_record, "unpack to more"),
    (lambda: payloads.torch_zip(pickled(b"}", b")" + b"\x85" * 200_000, b"Ns")), "200,001 tuples"),
    (lambda: payloads.torch_zip(payloads.pickle.dumps({1: np.zeros(3)}, 2)), "names numpy"),
    (lambda: payloads.torch_legacy(payloads.pickle.dumps({}, 2)), "no zip")])
def test_a_state_neither_fills_the_memory_nor_ends_the_process(content, words, tmp_path):
    checkpoint.save(tmp_path, {"step": 1, "model": "toy", "recipe": {}}, {"w": torch.zeros(2)}, {})
    with pytest.raises(CheckpointError, match=f"cannot be read: .*{words}"):
        state(tmp_path, content())
