import dataclasses
import json
import pickle
import shutil

import pytest
import torch
from toy import ToyNet, toy_dataset

from labkit.settings import SettingError
from labkit.training import CheckpointError, Recipe, Run, checkpoint
from labkit.training.recipe import OPTIMIZERS

DATA = toy_dataset()
RECIPE = Recipe(steps=9, learning_rate=0.02, validate_every=2, schedule="one-cycle")


def noisy(images):
    return images + 0.1 * torch.rand_like(images)


def run(folder, recipe=RECIPE, model=ToyNet, *, steps=None, resume=False):
    """A run saved every 2 steps, after `steps` of them (None: all)."""
    made = Run(model, DATA, recipe, folder=folder, save_every=2, resume=resume)
    for step in made:
        if step.index == steps:
            break
    return made


def names(folder):
    """What a save leaves; `.lock` and `.holder` are the run's."""
    return sorted(path.name for path in folder.iterdir() if path.name not in (".lock", ".holder"))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resumed_equals_unbroken_bit_for_bit(tmp_path, optimizer):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, augmentation=noisy, weight_decay=0.01)
    unbroken = run(tmp_path / "a", recipe)
    run(tmp_path / "b", recipe, steps=5)                        # saved at step 4, killed after 5
    resumed = run(tmp_path / "b", recipe, resume=True)
    assert resumed.history["step"].tolist() == list(range(1, 10))
    for column in ("train_loss", "train_accuracy", "learning_rate"):
        assert resumed.history[column].tolist() == unbroken.history[column].tolist()
    torch.testing.assert_close(resumed.history["validation_loss"], unbroken.history["validation_loss"],
                               rtol=0, atol=0, equal_nan=True)
    for mine, reference in zip(resumed.model.parameters(), unbroken.model.parameters(), strict=True):
        assert torch.equal(mine, reference)
    assert resumed.best_step == unbroken.best_step
    assert all(torch.equal(resumed.best_weights[name], unbroken.best_weights[name]) for name in unbroken.best_weights)


def test_two_are_kept_and_latest_names_the_newest(tmp_path):
    run(tmp_path)
    assert names(tmp_path) == ["latest", "step-00000008", "step-00000009"]
    assert (tmp_path / "latest").read_text() == "step-00000009"


def test_no_checkpoint_yet_starts_from_the_beginning(tmp_path):
    assert checkpoint.latest(tmp_path / "new") is None
    assert len(run(tmp_path / "new", resume=True).history) == 9


def test_a_used_folder_needs_resume(tmp_path):
    run(tmp_path, steps=3)
    with pytest.raises(SettingError, match="It holds step-00000002; resume=True goes on from there"):
        run(tmp_path)
    assert len(run(tmp_path, resume=True).history) == 9


def test_a_finished_run_resumes_to_nothing_and_a_longer_one_goes_on(tmp_path):
    run(tmp_path)
    again = Run(ToyNet, DATA, RECIPE, folder=tmp_path, resume=True)
    assert again.finished and list(again) == [] and len(again.history) == 9
    longer = run(tmp_path, dataclasses.replace(RECIPE, steps=11), resume=True)
    assert longer.history["step"].tolist() == list(range(1, 12))


def test_more_patience_goes_on_and_the_same_stays_stopped(tmp_path):
    recipe = Recipe(epochs=40, learning_rate=1.0, patience=2)      # too high a rate: the validation loss rises
    stopped = run(tmp_path, recipe)
    assert stopped.finished and len(stopped.history) < 120
    assert run(tmp_path, recipe, resume=True).history["step"][-1] == len(stopped.history)
    assert len(run(tmp_path, dataclasses.replace(recipe, patience=3), resume=True).history) > len(stopped.history)


def test_the_thread_count_stays_unless_it_is_named(tmp_path, monkeypatch):
    Run(ToyNet, DATA, RECIPE, folder=tmp_path, threads=2).fit()
    monkeypatch.setenv("LABKIT_THREADS", "1")
    assert Run(ToyNet, DATA, RECIPE, folder=tmp_path, resume=True).history.threads == 2
    assert Run(ToyNet, DATA, RECIPE, folder=tmp_path, resume=True, threads=3).history.threads == 3


def test_the_same_step_saved_twice_is_fine(tmp_path):
    stopped = run(tmp_path, steps=4)
    saved = checkpoint.latest(tmp_path)
    before = (tmp_path / "step-00000004" / "state.pt").stat().st_mtime_ns
    checkpoint.save(tmp_path, saved.about, saved.weights, saved.state)
    assert (tmp_path / "step-00000004" / "state.pt").stat().st_mtime_ns == before
    (tmp_path / "step-00000004" / "state.pt").write_bytes(b"")
    checkpoint.save(tmp_path, saved.about, saved.weights, saved.state)      # what is damaged is written again
    assert checkpoint.latest(tmp_path).about["step"] == 4
    assert len(stopped.history) == 4


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


class RunsCode:
    def __reduce__(self):
        return print, ("PWNED",)


def pickled_code(path):
    torch.save(RunsCode(), path)
    resize(path)


def resize(path):
    """Tell about.json of the file's new size, so that only its content is wrong."""
    about = json.loads((path.parent / "about.json").read_text())
    about["sizes"][path.name] = path.stat().st_size
    (path.parent / "about.json").write_text(json.dumps(about))


def garbage(path):
    path.write_bytes(bytes(range(256)) * (path.stat().st_size // 256 + 1))
    resize(path)


def rewrite(**changes):
    def damage(path):
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return damage


DAMAGES = [
    ("weights.safetensors", truncate, "bytes and has .*: it is damaged"),
    ("state.pt", truncate, "bytes and has .*: it is damaged"),
    ("about.json", truncate, "step-00000009 cannot be read"),
    ("weights.safetensors", lambda path: path.unlink(), "No such file"),
    ("state.pt", lambda path: path.unlink(), "No such file"),
    ("about.json", lambda path: path.unlink(), "No such file"),
    ("weights.safetensors", garbage, "step-00000009 cannot be read"),
    ("state.pt", garbage, "step-00000009 cannot be read"),
    ("state.pt", pickled_code, "step-00000009 cannot be read: it names __builtin__ print"),
    ("state.pt", lambda path: (path.write_bytes(pickle.dumps(RunsCode(), 2)), resize(path)), "cannot be read"),
    ("state.pt", lambda path: (path.write_bytes(b""), resize(path)), "cannot be read"),
    ("about.json", lambda path: path.write_bytes(b"\xff\x00\x80"), "cannot be read"),
    ("about.json", lambda path: path.write_text("[1, 2]"), "cannot be read"),
    ("about.json", lambda path: path.write_text('{"format": 1, "sizes": {}}'), "does not say its model, recipe, step"),
    ("about.json", rewrite(sizes=[3]), "cannot be read"),
    ("about.json", rewrite(format="one"), "cannot be read"),
    ("about.json", rewrite(format=2), "has format 2; this labkit reads up to 1. Update labkit"),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with the checkpoints of steps 8 and 9."""
    folder = tmp_path_factory.mktemp("finished")
    run(folder)
    return folder


@pytest.mark.parametrize("file, damage, message", DAMAGES)
def test_a_damaged_newest_checkpoint_falls_back_to_the_older(tmp_path, finished, capsys, file, damage, message):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / "step-00000009" / file)
    with pytest.raises(CheckpointError, match=message):
        checkpoint.read(tmp_path / "step-00000009")
    with pytest.warns(UserWarning, match=f"{message}.* Going on from step-00000008 instead."):
        resumed = run(tmp_path, resume=True)
    unbroken = checkpoint.latest(finished)
    assert resumed.history["train_loss"].tolist() == unbroken.state["history"]["columns"]["train_loss"].tolist()
    assert checkpoint.latest(tmp_path).about["step"] == 9       # whole again
    shutil.rmtree(tmp_path / "step-00000008")
    damage(tmp_path / "step-00000009" / file)
    with pytest.raises(CheckpointError, match=message):
        run(tmp_path, resume=True)
    assert "PWNED" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"step-99999999", b"../../etc"])
def test_a_damaged_pointer_is_not_needed(tmp_path, finished, content):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    (tmp_path / "latest").write_bytes(content)
    assert checkpoint.latest(tmp_path).about["step"] == 9
    (tmp_path / "latest").unlink()
    assert checkpoint.latest(tmp_path).about["step"] == 9


def test_a_pointer_without_any_checkpoint_is_an_error(tmp_path):
    (tmp_path / "latest").write_text("step-00000004")
    with pytest.raises(CheckpointError, match="names a checkpoint that is not there"):
        run(tmp_path, resume=True)


def test_another_model_is_refused(finished):
    for model, found in ((lambda: ToyNet(classes=4), r"dense.bias has shape \(3,\), and this model's \(4,\)"),
                         (lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)),
                          r"another model \(ToyNet\): its 1.bias has shape None, and this model's \(3,\)")):
        with pytest.raises(CheckpointError, match=found):
            run(finished, model=model, resume=True)


@pytest.mark.parametrize("field, value", [("learning_rate", 0.5), ("optimizer", "sgd"), ("batch_size", 16), ("seed", 3),
                                          ("schedule", "cosine"), ("augmentation", noisy), ("weight_decay", 0.1)])
def test_another_recipe_is_refused_by_its_field(finished, field, value):
    with pytest.raises(CheckpointError, match=f"trained with {field} = .*, and this recipe says .*{field}"):
        run(finished, dataclasses.replace(RECIPE, **{field: value}), resume=True)


class Crash(BaseException):
    """Stands for the power failing between two system calls."""


def test_a_crash_between_any_two_steps_of_a_save_leaves_a_whole_checkpoint(tmp_path, finished):
    saved = checkpoint.read(finished / "step-00000009")
    calls = [(shutil, "rmtree"), (checkpoint, "save_file"), (torch, "save"), (checkpoint, "_sync"),
             *((type(tmp_path), name) for name in ("mkdir", "write_text", "rename", "replace"))]

    def save(folder, step):
        checkpoint.save(folder, {**saved.about, "step": step}, saved.weights, saved.state)

    def save_but_crash(folder, step, allowed):
        left = iter(range(allowed))

        def counted(function):
            def call(*arguments, **options):
                if next(left, None) is None:
                    raise Crash
                return function(*arguments, **options)
            return call
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in calls:
                patch.setattr(owner, name, counted(getattr(owner, name)))
            save(folder, step)

    found = []
    for allowed in range(100):
        folder = tmp_path / str(allowed)
        save(folder, 1)
        save(folder, 2)
        try:
            save_but_crash(folder, 3, allowed)
        except Crash:
            found.append(checkpoint.latest(folder).about["step"])
        else:
            break
        save(folder, 3)                     # what the crash left behind is no hindrance
        assert checkpoint.latest(folder).about["step"] == 3
        save(folder, 4)
        assert names(folder) == ["latest", "step-00000003", "step-00000004"]
    assert len(found) > 10 and found == sorted(found) and set(found) == {2, 3}


def test_a_field_that_an_older_labkit_did_not_write_had_its_default(tmp_path):
    run(tmp_path, steps=5)
    for about in tmp_path.glob("step-*/about.json"):
        written = json.loads(about.read_text())
        del written["recipe"]["hardest"]
        about.write_text(json.dumps(written))
    with pytest.raises(CheckpointError, match=r"trained with hardest = \[\], and this recipe says \[0.5\]"):
        run(tmp_path, dataclasses.replace(RECIPE, hardest=(0.5,)), resume=True)
    assert len(run(tmp_path, resume=True).history) == 9
