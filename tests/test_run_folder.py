"""The folder of a run when the disk is full, when it cannot be written, when two runs want it, when the clock jumps."""
import multiprocessing
import os
import shutil
import subprocess
import sys
import time

import pytest
import torch
from promises import size
from toy import ToyNet, toy_dataset

from labkit.training import CheckpointError, Recipe, Run, checkpoint

DATA = toy_dataset()
RECIPE = Recipe(steps=9, learning_rate=0.02, validate_every=2)
TURNS = size(3, 25)
DAY = 24 * 3600             # seconds
PAGE = 4096                 # bytes: a file of a tmpfs has whole pages
LINUX_ROOT = sys.platform == "linux" and os.geteuid() == 0
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither of the two ways to fill a disk")


def begun(folder, *, resume=False, save_every=2):
    return Run(ToyNet, DATA, RECIPE, folder=folder, save_every=save_every, resume=resume, threads=1)


def until(steps, last):
    """Train to the end of step `last`: a loop that goes on if `steps` is a loop's iterator, and one left if a run."""
    for step in steps:
        if step.index == last:
            break
    return steps


def same(one, other):
    """Whether two runs have the same curves and weights, to the bit."""
    return (one.history.frame().equals(other.history.frame())
            and all(map(torch.equal, one.model.state_dict().values(), other.model.state_dict().values())))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    run = begun(tmp_path_factory.mktemp("unbroken"))
    list(run)
    return run


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own in memory, of 64 pages."""
    if not LINUX_ROOT:
        pytest.skip("only root on Linux may mount a small disk; the limit on a file's size stands for it")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={64 * PAGE}", "tmpfs", folder], stderr=subprocess.PIPE)
    if done.returncode:
        pytest.skip(f"this container may not mount: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk, left):
    """A file that leaves `left` pages of the disk."""
    stuffing = disk / "stuffing"
    with open(stuffing, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(PAGE))
        except OSError:
            file.truncate(max(0, os.fstat(file.fileno()).st_size - left * PAGE))
    return stuffing


def check_refused(run, steps):
    """Train on until a save fails, look at what is said and what is left, and return the step of the newest."""
    before = checkpoint.latest(run.folder).about["step"]
    with pytest.raises(CheckpointError) as caught:
        list(steps)
    message, failed = str(caught.value), int(run.history["step"][-1])
    assert f"The checkpoint of step {failed} could not be saved in {run.folder}: " in message
    assert "No space left" in message or "File too large" in message
    assert "The checkpoints before it are whole, and the curve so far is in run.history. Make room" in message
    assert run.history["step"].tolist() == list(range(1, failed + 1)) and failed > before
    assert not list(run.folder.glob(".step-*"))
    return checkpoint.latest(run.folder).about["step"]


def check_goes_on(run, unbroken):
    """A new run, as after a restart of the kernel, and the old one, in a notebook that is still open."""
    copy = run.folder.with_name("copy")
    shutil.copytree(run.folder, copy)
    other = begun(copy, resume=True)
    for each in (other, run):
        list(each)
        assert same(each, unbroken)
    shutil.rmtree(copy)
    shutil.rmtree(run.folder)


@pytest.mark.promise
def test_a_full_disk_loses_nothing(small_disk, unbroken, measured):
    newest = []
    for left in range(60):
        run = begun(small_disk / str(left))
        steps = until(iter(run), 5)             # saved at steps 2 and 4
        stuffing = fill(small_disk, left)
        try:
            newest.append(check_refused(run, steps))
            if left == 0:
                with pytest.raises(CheckpointError, match="No checkpoint can be written to .*: No space left"):
                    next(iter(begun(small_disk / "new")))
        except pytest.fail.Exception:
            assert run.finished                 # there was room enough
            break
        finally:
            stuffing.unlink()
        check_goes_on(run, unbroken)
    assert len(newest) > 5 and newest.count(4) > 5
    measured(f"{len(newest)} runs on a disk that was full after 0 to {len(newest) - 1} more pages of {PAGE} bytes: "
             "each said so, kept the checkpoint before it and the curve, and went on to the same bits")


@needs_posix
def test_a_file_that_may_not_grow_loses_nothing(tmp_path, unbroken):
    import resource
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for file in checkpoint.FILES:
        run = begun(tmp_path / "run")
        steps = until(iter(run), 5)
        limit = checkpoint.latest(run.folder).about["sizes"][file] - 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            assert check_refused(run, steps) == 4
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        check_goes_on(run, unbroken)


@pytest.fixture
def read_only(request, tmp_path):
    """A folder of folders, `begun` with a run that was left after step 5 and `done` with a finished one."""
    disk = request.getfixturevalue("small_disk") if LINUX_ROOT else tmp_path / "disk"
    disk.mkdir(exist_ok=True)
    until(begun(disk / "begun"), 5)
    list(begun(disk / "done"))
    if LINUX_ROOT:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)     # root may write whatever the mode says
    else:
        for folder in (disk, disk / "begun", disk / "done"):
            folder.chmod(0o555)
    yield disk
    if not LINUX_ROOT:
        for folder in (disk, disk / "begun", disk / "done"):
            folder.chmod(0o755)


@pytest.mark.promise
@needs_posix
def test_a_folder_that_cannot_be_written_is_refused_before_the_first_step(read_only, unbroken, measured):
    refused = 0
    for folder, steps in ((read_only / "begun", 4), (read_only / "new", 0)):
        for train in (list, Run.fit):
            run = begun(folder, resume=True)
            with pytest.raises(CheckpointError) as caught:
                train(run)
            assert f"No checkpoint can be written to {folder}: " in str(caught.value)
            assert "Use a folder that can be written" in str(caught.value)
            assert len(run.history) == steps
            refused += 1
    done = begun(read_only / "done", resume=True)       # to be read it need not be written
    assert list(done) == [] and same(done, unbroken)
    measured(f"{refused} runs in read-only folders: each refused before a step of it was computed")


def train_and_wait(folder, at_once, told):
    """A process that wants the folder at the same moment as another, and never leaves its loop if it gets it."""
    run = begun(folder)
    at_once.wait()
    try:
        for step in run:
            if step.index == 5:
                told.send(("within", os.getpid()))
                time.sleep(600)
    except CheckpointError as error:
        told.send(("refused", str(error)))


@pytest.mark.promise
def test_of_two_processes_one_is_refused_and_one_that_was_killed_holds_nothing(tmp_path, unbroken, measured):
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    context.set_forkserver_preload(["labkit.training", "torch._dynamo", "filelock"])
    waited = []
    for turn in range(TURNS):
        folder, at_once, children = tmp_path / str(turn), context.Barrier(2), {}
        for _child in range(2):
            hears, tells = context.Pipe(duplex=False)
            child = context.Process(target=train_and_wait, args=(folder, at_once, tells), daemon=True)
            child.start()
            tells.close()           # so that a child that dies is heard as well
            children[child] = hears
        told = {kind: (child, what) for child, hears in children.items() for kind, what in [hears.recv()]}
        assert told.keys() == {"within", "refused"}
        holder, process = told["within"]
        assert f"{folder} is in use by another run, in process {process}. Wait" in told["refused"][1]
        holder.kill()
        for child in children:
            child.join()
        began = time.perf_counter()
        run = begun(folder, resume=True)
        next(steps := iter(run))
        waited.append(time.perf_counter() - began)
        list(steps)
        assert same(run, unbroken)
    measured(f"{TURNS} pairs of processes that wanted one folder at once: each time one was refused, the other killed "
             f"with SIGKILL, and its folder free for the next run, whose first step came within {max(waited):.1f} s")


def test_a_second_run_is_refused_only_while_the_first_is_in_its_loop(tmp_path):
    first = begun(tmp_path)
    steps = until(iter(first), 3)
    second = begun(tmp_path, resume=True)
    with pytest.raises(CheckpointError, match=f"is in use by another run, in process {os.getpid()}"):
        second.fit()
    assert len(second.history) == 2
    del steps
    assert len(until(second, 4).history) == 4
    with pytest.raises(CheckpointError, match="Another run has saved step-00000004 in .* since this one was there"):
        next(iter(first))
    assert len(first.history) == 3


def by_break(run):
    until(run, 3)


def by_stop(run):
    for step in run:
        if step.index == 3:
            run.stop()


def by_an_error_in_the_loop(run):
    with pytest.raises(ZeroDivisionError) as caught:    # kept, as a notebook keeps the last one
        for step in run:
            step.index // (3 - step.index)
    return caught


def by_an_error_of_the_run(run):
    run.model.conv.register_forward_hook(lambda *_arguments: 1 // 0 if len(run.history) == 3 else None)
    with pytest.raises(ZeroDivisionError) as caught:
        run.fit()
    return caught


def by_single_steps(run):
    for _step in range(3):
        next(run)


@pytest.mark.parametrize("leave", [by_break, by_stop, by_an_error_in_the_loop, by_an_error_of_the_run, by_single_steps])
def test_a_loop_that_was_left_gives_the_folder_back(tmp_path, unbroken, leave):
    first = begun(tmp_path)
    kept = leave(first)
    second = begun(tmp_path, resume=True)
    list(second)
    assert same(second, unbroken), kept


def test_a_run_that_is_no_more_gives_the_folder_back(tmp_path):
    left = [iter(begun(tmp_path))]
    next(left[0])
    left.clear()
    assert len(until(begun(tmp_path, resume=True), 2).history) == 2


@pytest.mark.promise
def test_a_clock_that_is_moved_back_changes_nothing(tmp_path, unbroken, monkeypatch, measured):
    clock = iter(range(15_000 * DAY, 0, -DAY))        # a day back at each look
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    resumed = 0
    for _attempt in range(3):
        run = begun(tmp_path, resume=True, save_every=1)
        assert len(run.history) == 2 * resumed
        until(run, 2 * resumed + 2)
        for days, name in enumerate(reversed(checkpoint.names(tmp_path)), 1):   # the newest is the oldest by its date
            for path in (tmp_path / name, *(tmp_path / name).iterdir()):
                os.utime(path, (days * DAY, days * DAY))
        assert checkpoint.names(tmp_path) == [f"step-{2 * resumed + step:08}" for step in (1, 2)]
        (tmp_path / "latest").unlink()                  # so that the newest has to be found
        resumed += 1
    run = begun(tmp_path, resume=True, save_every=1)
    assert list(run) and same(run, unbroken) and run.history.seconds > 0
    measured("a clock that was a day earlier at each look, the newest checkpoint always dated before the older: "
             f"resumed {resumed} times to the same bits")
