"""Helpers of OpenMP are given back, and come again."""
import platform

import pytest
import torch

from labkit import openmp

WITH_GNU_OPENMP = platform.system() == "Linux" and bool(openmp._libraries())


def helpers() -> int:
    """How many threads this process has, as the kernel counts them."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


def parallel_work() -> torch.Tensor:
    return torch.ones(2_000_000).exp().sum()


@pytest.mark.skipif(not WITH_GNU_OPENMP, reason="torch does not use GNU OpenMP here")
def test_helpers_end_and_come_again():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        expected = parallel_work()
        with_helpers = helpers()
        assert openmp.release_helpers()
        without = helpers()
        assert without <= with_helpers - 2      # other tests' threads may end meanwhile, none begins
        assert parallel_work() == expected
        assert helpers() > without
    finally:
        torch.set_num_threads(before)


def test_without_gnu_openmp_nothing_is_done(monkeypatch):
    monkeypatch.setattr(openmp, "_libraries", lambda: ())
    assert not openmp.release_helpers()


def test_the_main_thread_gives_them_back_after_each_cell(monkeypatch):
    """Registered once for a notebook, however many labs are shown; without a notebook there is nothing to do."""
    registered = []

    class Shell:
        class events:
            register = staticmethod(lambda name, function: registered.append((name, function)))
    openmp.release_after_cells.cache_clear()
    monkeypatch.setattr(openmp, "get_ipython", lambda: Shell)
    openmp.release_after_cells()
    openmp.release_after_cells()
    assert [name for name, _function in registered] == ["post_run_cell"]
    registered[0][1](None)
    openmp.release_after_cells.cache_clear()
    monkeypatch.setattr(openmp, "get_ipython", lambda: None)
    openmp.release_after_cells()
    openmp.release_after_cells.cache_clear()
