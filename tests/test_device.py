import os

import pytest
import threadpoolctl
import torch
from toy import ToyNet, toy_dataset

from labkit import device, settings
from labkit.settings import SettingError
from labkit.training import Recipe, Run, muon
from labkit.training import threads as thread_choice
from labkit.training.recipe import PRECISIONS


@pytest.fixture
def available(monkeypatch):
    """A function that says which accelerators this machine is to have."""
    def pretend(cuda=False, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    return pretend


@pytest.mark.parametrize("cuda, mps, expected", [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"),
                                                 (False, False, "cpu")])
def test_auto_takes_cuda_then_mps_then_cpu(available, cuda, mps, expected):
    available(cuda, mps)
    assert device.choose() == device.choose("auto") == torch.device(expected)


def test_a_named_device_is_taken(available):
    available(cuda=True, mps=True)
    for name in ("cpu", "mps", "cuda", "cuda:1"):
        assert device.choose(name) == device.choose(torch.device(name)) == torch.device(name)


@pytest.mark.parametrize("wrong, cuda, mps, allowed", [
    ("cuda", False, True, "auto, mps, cpu"), ("cuda:1", False, False, "auto, cpu"), ("mps", True, False,
                                                                                     "auto, cuda, cpu"),
    (torch.device("cuda"), False, False, "auto, cpu"), ("gpu", True, True, "auto, cuda, mps, cpu"),
    (None, True, True, "auto, cuda, mps, cpu"), (0, True, True, "auto, cuda, mps, cpu")])
def test_an_absent_or_unknown_device_is_refused(available, wrong, cuda, mps, allowed):
    available(cuda, mps)
    shown = str(wrong) if isinstance(wrong, torch.device) else wrong
    with pytest.raises(SettingError) as caught:
        device.choose(wrong)
    assert str(caught.value) == f"device = {shown!r} cannot be used. Allowed: {allowed}."
    with pytest.raises(SettingError):
        Run(ToyNet, toy_dataset(), Recipe(), device=wrong)


def test_descriptions(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"NVIDIA {device}")
    monkeypatch.setattr(device, "core_count", lambda: 6)
    assert device.describe(torch.device("cpu")) == "CPU, 6 cores"
    assert device.describe(torch.device("mps")) == "Apple GPU"
    assert device.describe(torch.device("cuda:1")) == "NVIDIA cuda:1"


def test_core_count_is_what_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    assert device.core_count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert device.core_count() == 1


@pytest.mark.parametrize("limit, expected", [
    ("max 100000\n", 8), ("200000 100000\n", 2), ("50000 100000\n", 1), ("250000 100000\n", 3),
    ("1600000 100000\n", 8)])
def test_a_container_with_less_time_has_fewer_cores(monkeypatch, tmp_path, limit, expected):
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(settings, "CORES_LIMIT", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert device.core_count() == expected


@pytest.mark.parametrize("has, expected", [({}, False), ({"avx512_f": True, "avx512_bf16": False}, False),
                                           ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)])
def test_a_processor_has_bf16_or_not(monkeypatch, has, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    cpu = torch.device("cpu")
    assert device.has_bf16(cpu) is expected and not device.has_bf16(torch.device("mps"))
    used = {precision: Recipe(precision=precision).autocast(cpu)._enabled for precision in PRECISIONS}
    assert used == {"auto": False, "float32": False, "bf16": True, "fast": expected}
    assert muon.orthogonal(torch.eye(3)).dtype == torch.float32
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not device.has_bf16(cpu)


@pytest.mark.parametrize("native", [True, False])
def test_bf16_that_a_card_imitates_is_not_used(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    assert device.has_bf16(torch.device("cuda")) is native


def test_threads_are_put_back_after_the_block_even_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), device.threads(before + 1):
        assert torch.get_num_threads() == before + 1
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before


def test_products_of_numpy_use_one_thread_inside_the_block_and_torch_as_many_as_before():
    def blas_threads():
        return [library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]

    before = torch.get_num_threads()
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with device.one_blas_thread():
            assert set(blas_threads()) == {1} and torch.get_num_threads() == before
        assert set(blas_threads()) == {2}


@pytest.fixture
def clock(monkeypatch):
    """A clock that only a step moves: by `seconds[threads]`."""
    now = [0.0]
    monkeypatch.setattr(thread_choice.time, "perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize("cores, seconds, expected", [
    (4, {1: 4.0, 4: 2.0}, 4), (4, {1: 2.0, 4: 4.0}, 1), (4, {1: 1.0, 4: 0.96}, 1), (4, {1: 1.0, 4: 0.94}, 4),
    (1, {1: 1.0}, 1)])
def test_more_threads_are_taken_when_they_clearly_pay(monkeypatch, clock, cores, seconds, expected):
    monkeypatch.setattr(thread_choice, "core_count", lambda: cores)

    def step():
        clock[0] += seconds[torch.get_num_threads()]
    before = torch.get_num_threads()
    assert thread_choice.fastest(step) == expected
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("slow, expected", [({0, 1, 7}, 2), ({2, 3, 7, 8, 12}, 1)])
def test_a_hiccup_does_not_decide_but_a_busy_core_does(monkeypatch, clock, slow, expected):
    """Of 15 steps with two threads, the ones in `slow` take 90 ms; steps 0, 5 and 10 are not timed."""
    monkeypatch.setattr(thread_choice, "core_count", lambda: 2)
    seconds = {1: iter([0.003] * 15), 2: iter([0.09 if step in slow else 0.002 for step in range(15)])}

    def step():
        clock[0] += next(seconds[torch.get_num_threads()])
    monkeypatch.setattr(thread_choice, "SECONDS", 10)
    assert thread_choice.fastest(step) == expected


def test_a_slow_model_is_timed_in_one_round(monkeypatch, clock):
    monkeypatch.setattr(thread_choice, "core_count", lambda: 2)
    steps = []

    def step():
        steps.append(torch.get_num_threads())
        clock[0] += 1.0
    assert thread_choice.fastest(step) == 1
    assert steps == [1] * 5 + [2] * 5


class Counting(ToyNet):
    """Notes how many threads torch has in each training pass."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        if self.training:
            self.seen.append(torch.get_num_threads())
        return super().forward(images)


def test_a_run_chooses_once_and_keeps_to_it(monkeypatch):
    monkeypatch.delenv("LABKIT_THREADS", raising=False)
    asked = []

    def fastest(step):
        step()
        asked.append(step)
        return 3
    monkeypatch.setattr("labkit.training.run.fastest", fastest)
    model = Counting()
    weights = [value.clone() for value in model.state_dict().values()]
    run, before = Run(model, toy_dataset(), Recipe(epochs=2)), torch.get_num_threads()
    run._prepare()
    assert all(map(torch.equal, weights, model.state_dict().values())) and model.seen == []    # timed on a copy
    run.fit()
    assert model.seen == [3] * 6 and len(asked) == 1 and run.history.threads == 3
    assert torch.get_num_threads() == before


def test_timing_the_threads_does_not_change_the_losses(monkeypatch):
    fixed = Run(ToyNet, toy_dataset(), Recipe(epochs=2), threads=1)
    monkeypatch.delenv("LABKIT_THREADS")
    monkeypatch.setattr(thread_choice, "GAIN", 0.0)     # times both, and takes one
    monkeypatch.setattr(thread_choice, "core_count", lambda: 2)
    timed = Run(ToyNet, toy_dataset(), Recipe(epochs=2))
    assert timed.fit()["train_loss"].tolist() == fixed.fit()["train_loss"].tolist()
    assert timed.history.threads == 1


def test_a_setting_fixes_the_threads(monkeypatch):
    monkeypatch.setattr("labkit.training.run.fastest", lambda step: pytest.fail("timed although fixed"))
    monkeypatch.setenv("LABKIT_THREADS", "2")
    run = Run(Counting, toy_dataset(), Recipe())
    run.fit()
    assert set(run.model.seen) == {2} and run.history.threads == 2
    run = Run(Counting, toy_dataset(), Recipe(), threads=1)
    run.fit()
    assert set(run.model.seen) == {1} and run.history.threads == 1


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_wrong_setting_is_refused(monkeypatch, text):
    monkeypatch.setenv("LABKIT_THREADS", text)
    with pytest.raises(SettingError, match=f"LABKIT_THREADS = '{text}' cannot be used. Allowed: a whole number of at"):
        Run(ToyNet, toy_dataset(), Recipe())
