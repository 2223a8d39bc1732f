import dataclasses
import gzip
import importlib.util
import io
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from archives import ARCHIVE, FOLDER, LABELS, batches, python2, python3, sha256, write

from labkit import settings
from labkit.data import NAMES, DataError, images, load, registry, status
from labkit.data.unpickle import load_arrays
from labkit.settings import SettingError


@pytest.fixture
def no_network(monkeypatch):
    """`fetch` as it ends without a network; the calls it got are returned."""
    calls = []

    def fetch(url, target, **options):
        calls.append((url, target, options))
        raise DataError(f"No connection. {options['advice']}")
    monkeypatch.setattr(registry, "fetch", fetch)
    return calls


def test_fashion_mnist_is_bundled_balanced_and_small():
    file = registry.BUNDLED / "fashion-mnist.npz"
    dataset = load("fashion-mnist")
    assert file.stat().st_size == registry.SOURCES["fashion-mnist"].size < 7_000_000
    assert dataset.sha256 == registry.SOURCES["fashion-mnist"].sha256 == sha256(file)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (10_800, 1_200, 2_000)
    assert dataset.input_shape == (1, 28, 28) and dataset.train.inputs.dtype == torch.uint8
    assert dataset.train.targets.dtype == torch.int64
    training = torch.cat([dataset.train.targets, dataset.validation.targets])
    assert training.bincount().tolist() == [1200] * 10
    assert dataset.test.targets.bincount().tolist() == [200] * 10
    assert training[:1000].bincount(minlength=10).min() > 50            # shuffled, not sorted by class
    assert (len(dataset.class_names), dataset.licence, dataset.note) == (10, "MIT", "")
    assert "Zalando" in (registry.BUNDLED / "fashion-mnist-LICENCE.txt").read_text()


def test_fashion_mnist_shows_what_its_labels_say():
    """Trousers are dark between the legs, where T-shirts are bright."""
    train = load("fashion-mnist").train
    between = train.inputs[:, 0, 18:26, 13:15].float().mean((1, 2))
    assert between[train.targets == 0].mean() > 100 > 60 > between[train.targets == 1].mean()


def test_a_changed_bundled_file_is_not_used(tmp_path, monkeypatch):
    content = bytearray((registry.BUNDLED / "fashion-mnist.npz").read_bytes())
    content[1000] ^= 1
    (tmp_path / "fashion-mnist.npz").write_bytes(content)
    monkeypatch.setattr(registry, "BUNDLED", tmp_path)
    with pytest.raises(DataError, match="fashion-mnist.npz has been changed"):
        load("fashion-mnist")
    with pytest.raises(DataError, match="damaged"):
        images.read_fashion_mnist(tmp_path / "fashion-mnist.npz")


def test_the_script_that_bundles_keeps_the_first_of_each_class(tmp_path):
    spec = importlib.util.spec_from_file_location("make", registry.BUNDLED / "make_fashion_mnist.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    labels = np.tile(np.arange(10, dtype=np.uint8), 5)
    pictures = np.arange(50, dtype=np.uint8).repeat(28 * 28).reshape(50, 28, 28)
    for prefix in ("train", "t10k"):
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(
            struct.pack(">4BIII", 0, 0, 8, 3, 50, 28, 28) + pictures.tobytes()))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(
            struct.pack(">4BI", 0, 0, 8, 1, 50) + labels.tobytes()))
    make.build(tmp_path, tmp_path / "a.npz", train=4, test=2)
    make.build(tmp_path, tmp_path / "b.npz", train=4, test=2)
    assert sha256(tmp_path / "a.npz") == sha256(tmp_path / "b.npz")
    train, test, _names = images.read_fashion_mnist(tmp_path / "a.npz")
    assert sorted(train.inputs[:, 0, 0, 0].tolist()) == list(range(40))
    assert sorted(test.inputs[:, 0, 0, 0].tolist()) == list(range(20))
    assert torch.equal(train.inputs[:, 0, 0, 0] % 10, train.targets)
    assert train.targets.tolist() != sorted(train.targets.tolist())
    with pytest.raises(ValueError, match="under 6 images"):
        make.build(tmp_path, tmp_path / "c.npz", train=6, test=2)


@pytest.mark.parametrize("dump", [python2, python3])
def test_cifar10_is_read_exactly_from_an_archive(tmp_path, dump, recwarn):
    contents = batches()
    path = write(tmp_path / ARCHIVE, contents, dump)
    dataset = load("cifar10", path=path, validation=0.25)
    expected = np.concatenate([contents[f"data_batch_{number}"][b"data"] for number in range(1, 6)])
    got = torch.cat([dataset.train.inputs, dataset.validation.inputs])
    assert np.array_equal(got.numpy(), expected.reshape(-1, 3, 32, 32))
    assert torch.cat([dataset.train.targets, dataset.validation.targets]).tolist() == [*range(10)] * 10
    assert np.array_equal(dataset.test.inputs.numpy(), contents["test_batch"][b"data"].reshape(-1, 3, 32, 32))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (75, 25, 30)
    assert dataset.class_names == tuple(LABELS)
    assert (dataset.sha256, dataset.note) == (sha256(path), "not the official archive")
    assert not recwarn.list


def test_cifar10_pickles_of_python_2_are_of_python_2():
    blob = python2(batches()["test_batch"])
    assert b"numpy.core.multiarray\n_reconstruct\n" in blob
    assert b"_codecs" not in blob and b"numpy._core" not in blob


def test_cifar10_is_found_by_file_folder_and_extracted_folder(tmp_path):
    path = write(tmp_path / "a" / ARCHIVE, batches())
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "b", filter="data")
    sets = [load("cifar10", path=place) for place in
            (path, str(tmp_path / "a"), tmp_path / "b", tmp_path / "b" / FOLDER)]
    for dataset in sets[1:]:
        assert torch.equal(dataset.train.inputs, sets[0].train.inputs)
    assert sets[2].sha256 == sets[3].sha256 != sets[0].sha256
    assert {dataset.note for dataset in sets} == {"not the official archive"}
    (tmp_path / "b" / FOLDER / ".DS_Store").write_text("left by a file manager")
    assert load("cifar10", path=tmp_path / "b").sha256 == sets[2].sha256
    with pytest.raises(SettingError, match=f"path = .*{ARCHIVE}"):
        load("cifar10", path=tmp_path / "nowhere")


def test_the_official_archive_needs_no_note_and_the_jpeg_copy_has_its_own(tmp_path, monkeypatch):
    path = write(tmp_path / ARCHIVE, batches(test=5000))
    assert load("cifar10", path=path).note == "JPEG copy, 5,000 test images"
    official = dataclasses.replace(registry.SOURCES["cifar10"], sha256=sha256(path))
    monkeypatch.setitem(registry.SOURCES, "cifar10", official)
    assert load("cifar10", path=path).note == ""


def test_cifar10_in_labkit_data_is_taken_as_named(tmp_path, monkeypatch, no_network):
    path = write(tmp_path / ARCHIVE, batches())
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    dataset = load("cifar10")
    assert (dataset.sha256, dataset.note, no_network) == (sha256(path), "not the official archive", [])


def test_without_a_network_the_message_says_what_to_do(tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "new"))
    with pytest.raises(DataError) as raised:
        load("cifar10")
    for part in ("170 MB", str(tmp_path / "new" / ARCHIVE), 'load("fashion-mnist")'):
        assert part in str(raised.value)
    (url, target, options), = no_network
    assert url == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert target == tmp_path / "new" / ARCHIVE
    assert options["sha256"] == "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    assert options["size"] == 170_498_071


def test_a_file_in_the_default_cache_must_be_the_official_one(tmp_path, monkeypatch, no_network):
    monkeypatch.delenv("LABKIT_DATA", raising=False)
    monkeypatch.setattr(settings, "data_folder", lambda: tmp_path)
    write(tmp_path / ARCHIVE, batches())
    with pytest.raises(DataError, match="No connection"):
        load("cifar10")
    assert no_network[0][1] == tmp_path / ARCHIVE


@pytest.mark.parametrize("name, field, value, message", [
    ("data_batch_2", b"labels", [0] * 19 + [10], "data_batch_2: labels must be 0 to 9, but 10 is"),
    ("test_batch", b"labels", [-1] + [0] * 29, "test_batch: labels must be 0 to 9, but -1 is"),
    ("test_batch", b"labels", [0] * 29, r"test_batch: labels must be 30 whole numbers, not int64 \(29,\)"),
    ("test_batch", b"labels", [0.5] * 30, "test_batch: labels must be 30 whole numbers, not list"),
    ("test_batch", b"labels", [2**70] * 30, "test_batch: labels must be 30 whole numbers, not object"),
    ("data_batch_1", b"data", np.zeros((20, 3071), np.uint8),
     r"data_batch_1: data must be images, uint8 \(N, 3072\), not uint8 \(20, 3071\)"),
    ("data_batch_1", b"data", np.zeros((20, 3072), np.float32), "data_batch_1: data .*not float32"),
    ("data_batch_1", b"data", np.zeros((0, 3072), np.uint8), r"data_batch_1: data .*not uint8 \(0, 3072\)"),
    ("data_batch_1", b"data", b"pixels", "data_batch_1: data .*not bytes"),
    ("batches.meta", b"label_names", [b"cat"], "batches.meta: label_names must be ten names"),
])
def test_wrong_fields_of_cifar10_are_named(tmp_path, name, field, value, message):
    contents = batches()
    contents[name][field] = value
    with pytest.raises(DataError, match=f"{ARCHIVE}: {message}"):
        load("cifar10", path=write(tmp_path / ARCHIVE, contents, python2))


@pytest.mark.parametrize("content, message", [
    ([1, 2], "test_batch has no field data"),
    ({b"data": np.zeros((1, 3072), np.uint8)}, "test_batch has no field labels"),
    (b"not a pickle", "test_batch is damaged"),
    (python3(batches()["test_batch"])[:-5000], "test_batch is damaged"),
])
def test_wrong_batches_of_cifar10_are_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        load("cifar10", path=write(tmp_path / ARCHIVE, {**batches(), "test_batch": content}))


def test_damaged_archives_are_named(tmp_path):
    contents = batches()
    del contents["data_batch_3"]
    with pytest.raises(DataError, match="has no data_batch_3"):
        load("cifar10", path=write(tmp_path / ARCHIVE, contents))
    whole = write(tmp_path / ARCHIVE, batches()).read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0xFF
    for content in (whole[:len(whole) // 2], bytes(changed), b"", b"<html>log in</html>"):
        (tmp_path / ARCHIVE).write_bytes(content)
        with pytest.raises(DataError, match=f"{ARCHIVE}.* damaged"):
            load("cifar10", path=tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_links_in_an_archive_are_refused(tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(python3(batches()["test_batch"]))
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as archive:
        member = tarfile.TarInfo(f"{FOLDER}/test_batch")
        member.type, member.linkname = kind, str(secret)
        archive.addfile(member)
    with pytest.raises(DataError, match="test_batch is not a plain file"):
        load("cifar10", path=tmp_path)


def test_oversize_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MEMBER_LIMIT", 70_000)
    write(tmp_path / ARCHIVE, batches(per_batch=100))
    with pytest.raises(DataError, match="data_batch_1 has .* bytes; no file of CIFAR-10 has over 70000"):
        load("cifar10", path=tmp_path)


def test_nothing_of_an_archive_lands_on_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / ARCHIVE, {**batches(), "../../outside": b"x"})
    load("cifar10", path=path)
    assert list(tmp_path.iterdir()) == [path]


class Calls:
    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


@pytest.mark.parametrize("harmful, name", [
    (Calls(exec, "open('harm', 'w')"), "exec"),
    (Calls(open, "harm", "w"), "open"),
    (Calls(getattr, "", "upper"), "getattr"),
    (Calls(np.load, "harm"), "numpy.load"),
    (slice(0, 1), "slice"),
    ({b"data": np.ndarray, b"labels": Path("harm")}, "pathlib"),
])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_may_name_arrays_and_nothing_else(tmp_path, monkeypatch, harmful, name, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"batch asks for .*{name}"):
        load_arrays(io.BytesIO(pickle.dumps(harmful, protocol)), "batch")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("blob", [
    b"cnumpy._core.multiarray\n_reconstruct.__globals__\n.",         # attributes of what is allowed
    b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__base__\x93.",
    b"cnumpy\nload\n.",
])
def test_a_pickle_may_not_reach_through_what_it_may_name(blob):
    with pytest.raises(DataError, match="asks for numpy"):
        load_arrays(io.BytesIO(blob), "batch")


def test_plain_values_are_read_as_they_are():
    value = {"text": "é", b"bytes": b"\xff", "numbers": [1, -2**70, 0.5, True, None], "tuple": (1, (2,)),
             "array": np.arange(6, dtype=np.int16).reshape(2, 3)}
    for protocol in (2, 3, 4):
        got = load_arrays(io.BytesIO(pickle.dumps(value, protocol)), "batch")
        assert np.array_equal(got.pop("array"), value["array"])
        assert got == {key: value[key] for key in got} and len(got) == 4


@pytest.mark.parametrize("name", ["mnist", "", None, 3, "Fashion-MNIST"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(SettingError, match=f"dataset = .*Allowed: {', '.join(NAMES)}"):
        load(name)


@pytest.mark.parametrize("validation", [0, 1, -0.1, 1.5, float("nan"), float("inf"), "0.1", None, True,
                                        1e-17, 1 - 1e-9])     # the last two leave one side empty
def test_a_wrong_validation_share_is_refused(validation):
    with pytest.raises(SettingError, match="validation = .*Allowed"):
        load("fashion-mnist", validation=validation)


def test_a_path_for_a_bundled_set_is_refused(tmp_path):
    with pytest.raises(SettingError, match="path = .*fashion-mnist is bundled"):
        load("fashion-mnist", path=tmp_path)


def test_status_says_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "new"))
    (fashion, bundled, _detail), (cifar, absent, detail), *_text = status()
    assert (fashion, bundled, cifar, absent) == ("fashion-mnist", "bundled", "cifar10", "absent")
    assert "170 MB" in detail and not (tmp_path / "new").exists()
    path = write(tmp_path / "new" / ARCHIVE, batches())
    assert status()[1] == ("cifar10", "present", f"{path}, {path.stat().st_size / 1e6:.1f} MB")


def test_importing_data_is_light():
    code = "import sys, labkit.data; print(*{'pooch', 'pandas', 'plotly', 'requests'} & set(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout == "\n"
