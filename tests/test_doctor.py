"""Each check of the doctor fails where it should, and says what to do."""
import builtins
import importlib.metadata
from importlib import import_module
from types import SimpleNamespace

import psutil
import pytest
import torch

from labkit.data import registry

doctor = import_module("labkit.doctor")     # `labkit.doctor` itself is the function that notebooks call


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_all_is_well_here(capsys):
    assert doctor.report(online=False) is True
    shown = lines(capsys)
    assert [line.split(":")[0] for line in shown if line.startswith("[")] == [
        "[OK]   Python", "[OK]   torch and device", "[OK]   cores and memory", "[OK]   disk",
        "[OK]   notebook packages", "[OK]   data"]
    assert any("fashion-mnist: bundled" in line for line in shown)
    assert not any("[FAIL]" in line for line in shown)


def test_in_a_notebook_it_asks_nothing_of_the_network(monkeypatch, capsys):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")
    monkeypatch.setattr(doctor.socket, "create_connection", refuse)
    assert doctor.doctor() is True
    assert "network" not in capsys.readouterr().out


def test_a_failure_shows_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (doctor.python, lambda: doctor.Check("disk", False, "full", "Empty it.")))
    assert doctor.report(online=False) is False
    assert lines(capsys)[1:] == ["[FAIL] disk: full", "       Empty it."]


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 1))
    check = doctor.python()
    assert not check.ok and "Install Python 3.11" in check.advice


def test_a_torch_that_does_not_load_fails(monkeypatch):
    load = builtins.__import__

    def broken(name, *args, **kwargs):
        if name == "torch":
            raise OSError("libtorch.so: cannot open shared object file")
        return load(name, *args, **kwargs)
    monkeypatch.setattr(builtins, "__import__", broken)
    check = doctor.torch_and_device()
    assert not check.ok and "libtorch.so" in check.detail and ".venv" in check.advice


def test_a_device_that_cannot_compute_fails(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("CUDA driver version is insufficient")
    monkeypatch.setattr(torch, "ones", fail)
    check = doctor.torch_and_device()
    assert not check.ok and "insufficient" in check.detail and "driver" in check.advice


def test_a_device_that_computes_wrong_fails(monkeypatch):
    monkeypatch.setattr(torch, "ones", lambda *shape, device: torch.zeros(*shape, device=device))
    assert not doctor.torch_and_device().ok


def test_an_unused_gpu_is_mentioned(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    check = doctor.torch_and_device()
    assert check.ok and "this torch cannot use it" in check.detail


def test_too_little_memory_fails(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e9, total=4e9))
    check = doctor.cores_and_memory()
    assert not check.ok and "1.0 of 4.0 GB" in check.detail and "2 GB" in check.advice


@pytest.mark.parametrize("limit, ok", [("1000000000\n", False), ("4000000000\n", True), ("max\n", True)])
def test_the_limit_of_a_container_counts(monkeypatch, tmp_path, limit, ok):
    (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(doctor, "CGROUP_LIMIT", tmp_path / "memory.max")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8e9, total=8e9))
    assert doctor.cores_and_memory().ok is ok


def test_a_full_disk_fails(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=2e8))
    check = doctor.disk()
    assert not check.ok and check.detail.startswith("0.2 GB") and "LABKIT_DATA" in check.advice


def test_an_old_or_missing_notebook_package_fails(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.9.21" if name == "anywidget" else real(name))
    check = doctor.lab_packages()
    assert not check.ok and check.detail == "anywidget 0.9.21 is not <0.12,>=0.11"

    def missing(name):
        if name == "ipykernel":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)
    monkeypatch.setattr(importlib.metadata, "version", missing)
    check = doctor.lab_packages()
    assert not check.ok and check.detail == "ipykernel is missing" and "make" in check.advice


@pytest.mark.parametrize("contents", [None, b"not an archive"])
def test_bundled_data_that_are_damaged_or_missing_fail(monkeypatch, tmp_path, contents):
    if contents is not None:
        (tmp_path / "fashion-mnist.npz").write_bytes(contents)
    monkeypatch.setattr(registry, "BUNDLED", tmp_path)
    check = doctor.data()
    assert not check.ok and "git checkout" in check.advice


def test_offline_is_no_failure(monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("Network is unreachable")
    monkeypatch.setattr(doctor.socket, "create_connection", unreachable)
    check = doctor.network()
    assert check.ok and "bundled data are enough" in check.detail
    monkeypatch.setattr(doctor.socket, "create_connection", lambda *args, **kwargs: SimpleNamespace(close=lambda: None))
    assert "downloads work" in doctor.network().detail


def test_no_folder_of_the_user_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    assert doctor.disk().detail.endswith("for ~/data")
    assert str(tmp_path) not in doctor.data().detail
