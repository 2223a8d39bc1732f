import dataclasses
import math
import signal
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy import ToyNet, toy_dataset

from labkit.data import Split
from labkit.device import threads
from labkit.models import SmallCNN
from labkit.settings import SettingError
from labkit.training import Recipe, Run, TrainingError
from labkit.training.batches import scaled
from labkit.training.randomness import INIT, ORDER, STEP, mixed
from labkit.training.recipe import OPTIMIZERS

DATA = toy_dataset()


def losses(run):
    return [float(step.loss) for step in run]


def same_weights(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def noisy(images):
    return images + 0.1 * torch.rand_like(images)


def by_hand(recipe, optimizer):
    """The loop of a tutorial, written without labkit's own."""
    torch.manual_seed(mixed(recipe.seed, INIT))
    model = ToyNet().to(memory_format=torch.channels_last).train()
    images, labels = (DATA.train.inputs / 255).permute(0, 2, 3, 1).contiguous(), DATA.train.targets
    optimizer, found = optimizer(model.parameters()), []
    for epoch in range(recipe.epochs):
        generator = torch.Generator().manual_seed(mixed(recipe.seed, ORDER, epoch))
        for rows in torch.randperm(len(labels), generator=generator).split(recipe.batch_size):
            torch.manual_seed(mixed(recipe.seed, STEP, len(found)))
            x = images[rows].permute(0, 3, 1, 2)    # with one channel, contiguous() would keep channels first
            x = recipe.augmentation(x) if recipe.augmentation else x
            loss = F.cross_entropy(model(x), labels[rows], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            for weight in model.parameters():
                weight.grad += recipe.l1 * weight.detach().sign()
            optimizer.step()
            found.append(loss.item())
    return found, model


@pytest.mark.parametrize("name, optimizer, settings", [
    ("sgd", lambda w: torch.optim.SGD(w, lr=0.1, fused=True), {}),
    ("momentum", lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.8, fused=True), {"momentum": 0.8}),
    ("rmsprop", lambda w: torch.optim.RMSprop(w, lr=0.1), {}),
    ("adam", lambda w: torch.optim.Adam(w, lr=0.1, fused=True), {}),
    ("adamw", lambda w: torch.optim.AdamW(w, lr=0.1, weight_decay=0.2, fused=True), {"weight_decay": 0.2}),
    ("adam", lambda w: torch.optim.Adam(w, lr=0.1, eps=0.1, weight_decay=0.2, fused=True),
     {"epsilon": 0.1, "weight_decay": 0.2, "l1": 0.01, "label_smoothing": 0.2, "augmentation": noisy}),
])
def test_a_run_equals_the_plain_loop_bit_for_bit(name, optimizer, settings):
    recipe = Recipe(epochs=3, batch_size=40, learning_rate=0.1, optimizer=name, seed=5, **settings)
    with threads(1):
        expected, model = by_hand(recipe, optimizer)
    run = Run(ToyNet, DATA, recipe)
    assert losses(run) == expected and same_weights(run.model, model)
    assert run.history["train_loss"].tolist() == expected


def test_every_setting_of_the_recipe_changes_the_run():
    plain = Recipe(steps=6, learning_rate=0.05)
    found = {str(losses(Run(ToyNet, DATA, plain)))}
    changes = [{"optimizer": name} for name in OPTIMIZERS if name not in ("adam", "adamw")]     # no decay: the same
    changes += [{"learning_rate": 0.1}, {"batch_size": 16}, {"seed": 1}, {"weight_decay": 0.5}, {"l1": 0.5},
                {"label_smoothing": 0.3}, {"augmentation": noisy}, {"schedule": "cosine"}, {"warmup": 0.5},
                {"epsilon": 0.5}, {"precision": "bf16"}]
    for change in changes:
        found.add(str(losses(Run(ToyNet, DATA, dataclasses.replace(plain, **change)))))
    assert len(found) == 1 + len(changes)


def test_fit_equals_iterating_and_prints_one_line(capsys):
    recipe = Recipe(epochs=2)
    fitted, iterated = Run(ToyNet, DATA, recipe), Run(ToyNet, DATA, recipe)
    history = fitted.fit()
    assert history is fitted.history and history["train_loss"].tolist() == losses(iterated)
    assert capsys.readouterr().out.strip().startswith("step 6 of 6 · loss ")
    assert fitted.finished and losses(fitted) == []


def test_a_run_learns_and_records_what_it_did():
    run = Run(ToyNet, DATA, Recipe(epochs=15, learning_rate=0.01, batch_size=40))
    steps, frame = list(run), run.history.frame()
    assert [step.index for step in steps] == list(range(1, 46)) == frame.step.tolist()
    assert frame.epoch.tolist() == [step.epoch for step in steps] == [1 + i // 3 for i in range(45)]
    assert frame.validation_loss.notna().tolist() == [i % 3 == 2 for i in range(45)]
    assert [step.validation_loss is not None for step in steps] == frame.validation_loss.notna().tolist()
    assert frame.validation_accuracy.iloc[-1] > 0.9 and frame.train_accuracy.between(0, 1).all()
    assert run.history.images == 15 * 96 and run.history.images_per_second > 0
    assert run.history.device.startswith("CPU")


def test_validate_every_and_the_last_step():
    run = Run(ToyNet, DATA, Recipe(steps=7, validate_every=3))
    assert [step.index for step in run if step.validation_loss is not None] == [3, 6, 7]


def test_break_and_continue_equals_unbroken():
    recipe = Recipe(steps=9, augmentation=noisy)
    unbroken, broken = Run(ToyNet, DATA, recipe), Run(ToyNet, DATA, recipe)
    found = []
    while not broken.finished:
        for step in broken:
            found.append(float(step.loss))
            torch.rand(100)
            if step.index % 2 == 0:
                break
    assert found == losses(unbroken) and same_weights(broken.model, unbroken.model)


def test_stop_from_another_thread_ends_after_the_step_in_hand():
    recipe = Recipe(steps=100_000)
    run = Run(ToyNet, DATA, recipe)
    timer = threading.Timer(0.05, run.stop)
    timer.start()
    found = losses(run)
    timer.join()
    assert 0 < len(found) < recipe.steps and not run.finished
    assert len(run.history) == len(found)
    assert float(next(iter(run)).loss) not in found     # goes on with the next step
    assert run.history["step"][-1] == len(found) + 1


def test_the_notebooks_random_numbers_are_not_disturbed():
    torch.manual_seed(7)
    expected = torch.rand(3).tolist()
    torch.manual_seed(7)
    run = Run(ToyNet, DATA, Recipe(epochs=2, augmentation=noisy), threads=1)
    run.fit()
    assert torch.rand(3).tolist() == expected


def test_the_notebooks_random_numbers_do_not_disturb_a_run():
    recipe = Recipe(steps=5, augmentation=noisy)
    torch.manual_seed(1)
    first = losses(Run(ToyNet, DATA, recipe))
    torch.manual_seed(2)
    assert losses(Run(ToyNet, DATA, recipe)) == first
    assert losses(Run(lambda: ToyNet(dropout=0.0), DATA, recipe)) != first     # dropout does something


class Scripted(nn.Module):
    """Two parts a validation: `loss_by_validation` decides how wrong the model is each time."""

    def __init__(self, wrongness):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("validations", torch.zeros((), dtype=torch.int64))
        self.wrongness = wrongness

    def forward(self, images):
        scale = 0.0
        if not self.training and len(images) == 32:      # a validation, not the look at the data before
            scale = float(self.wrongness[int(self.validations)])
            self.validations += 1
        return F.pad(self.weight.expand(len(images), 1) * 0 + scale, (0, 2))


def test_early_stopping_keeps_the_best_model():
    data = dataclasses.replace(DATA, validation=Split(DATA.validation.inputs, torch.zeros(32, dtype=torch.int64)))
    model = Scripted([0, 1, 3, 2, 2.5, 9, 9])           # right label 0 gets this much: the third is the best of five
    run = Run(model, data, Recipe(epochs=7, patience=2, batch_size=96))
    assert len(list(run)) == 5 and run.finished
    assert run.best_step == 3
    assert "Stopped early at step 5: the lowest validation loss was at step 3." in run.history.messages
    assert run.load_best() == 3 and model.validations == 3


def test_without_patience_nothing_stops_and_the_best_is_kept_all_the_same():
    run = Run(ToyNet, DATA, Recipe(epochs=3, learning_rate=0.05))
    weights = []
    for step in run:
        if step.validation_loss is not None:
            weights.append((step.validation_loss, step.index, run.model.dense.bias.detach().clone()))
    loss, index, bias = min(weights, key=lambda row: row[0])
    with torch.no_grad():
        run.model.dense.bias.fill_(9)
    assert len(weights) == 3 and run.load_best() == index
    assert torch.equal(run.model.dense.bias, bias)


def test_no_best_model_yet():
    with pytest.raises(TrainingError, match="no best model yet"):
        Run(ToyNet, DATA, Recipe()).load_best()


def changed(split="train", **tensors):
    return dataclasses.replace(DATA, **{split: dataclasses.replace(getattr(DATA, split), **tensors)})


LABELS, IMAGES = DATA.train.targets, DATA.train.inputs


@pytest.mark.parametrize("data, recipe, message", [
    (DATA, Recipe(batch_size=97), "batch_size = 97 cannot be used. Allowed: at most the 96 training examples."),
    (changed(targets=LABELS + 1), Recipe(), "train.targets = '1..3' cannot be used. Allowed: labels from 0 to 2"),
    (changed(targets=LABELS - 1), Recipe(), "train.targets = '-1..1'"),
    (changed("test", targets=LABELS[:32] * 2), Recipe(), "test.targets = '0..4'"),
    (changed(targets=LABELS.double()), Recipe(), "train.targets.dtype = torch.float64 cannot be used. Allowed: "
                                                 "torch.int64 for classes or tokens, torch.float32 for"),
    (changed(inputs=IMAGES.double()), Recipe(), "train.inputs.dtype = torch.float64 cannot be used. Allowed: "
                                                "torch.uint8, torch.float32, torch.int64"),
    (changed(inputs=IMAGES[..., :7]), Recipe(), "validation.inputs = (1, 8, 8) cannot be used. Allowed: "
                                                "(1, 8, 7), as in train"),
    (changed("validation", inputs=IMAGES[:0], targets=LABELS[:0]), Recipe(), "validation = 0 cannot be used"),
    (DATA.as_images(1, 9, 9), Recipe(), "inputs = (1, 9, 9) cannot be used. Allowed: a shape that ToyNet can take. "
                                        "It says: mat1 and mat2"),
    (DATA.as_images(3, 8, 8), Recipe(), "inputs = (3, 8, 8) cannot be used"),
])
def test_data_that_do_not_fit_are_refused_before_training(data, recipe, message):
    model = ToyNet()
    before = [value.clone() for value in model.state_dict().values()]
    with pytest.raises(SettingError) as caught:
        Run(model, data, recipe)
    assert str(caught.value).startswith(message)
    assert model.training and all(map(torch.equal, before, model.state_dict().values()))


def test_a_model_whose_outputs_are_no_table_of_classes_is_refused():
    with pytest.raises(SettingError, match=r"logits.shape = \(2, 1, 8, 8\) cannot be used"):
        Run(nn.Conv2d(1, 1, 1), DATA, Recipe())


class Failing(ToyNet):
    """A ToyNet that calls `trouble(step, images)` in each training pass."""

    def __init__(self, trouble):
        super().__init__()
        self.trouble, self.passes = trouble, 0

    def forward(self, images):
        outputs = super().forward(images)
        if self.training:
            self.passes += 1
            outputs = outputs * self.trouble(self.passes, images)
        return outputs


def test_a_loss_that_turns_nan_is_explained_and_loses_nothing(tmp_path):
    def run(trouble, folder):
        torch.manual_seed(0)
        return Run(Failing(trouble), DATA, Recipe(steps=10, learning_rate=0.01, schedule="step"), folder=folder,
                   save_every=2)
    good = losses(run(lambda step, images: 1, None))
    bad = run(lambda step, images: math.nan if step == 6 else 1, tmp_path)
    with pytest.raises(TrainingError) as caught:
        bad.fit()
    message = str(caught.value)
    assert "The loss became nan at step 6, with learning rate 0.001." in message      # a tenth after half the steps
    largest = max((weight.grad.abs().max().item(), name) for name, weight in bad.model.named_parameters())
    assert f"Largest gradient before it: {largest[0]:.3g}, in {largest[1]}." in message
    assert f"last good checkpoint: {tmp_path / 'step-00000004'}" in message
    assert "Try a learning rate of 0.001" in message
    assert bad.history["train_loss"].tolist() == good[:5]
    assert all(weight.isfinite().all() for weight in bad.model.parameters())
    assert bad.finished and losses(bad) == []
    resumed = Run(ToyNet, DATA, bad.recipe, folder=tmp_path, save_every=2, resume=True)
    assert losses(resumed) == good[4:]


def test_nan_at_the_very_first_step_has_no_gradient_before_it():
    images = IMAGES.float()
    images[:] = math.inf
    with pytest.raises(TrainingError, match="step 1, .* before it: none that is finite.* checkpoint: none"):
        Run(ToyNet, changed(inputs=images), Recipe()).fit()


@pytest.mark.parametrize("validate_every", [1, 100])
def test_weights_that_an_update_broke_are_never_saved(tmp_path, validate_every):
    run = Run(ToyNet, DATA, Recipe(steps=5, validate_every=validate_every), folder=tmp_path, save_every=1)
    next(run)
    run.model.conv.weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(TrainingError, match="at step 2, .*step-00000001"):
        run.fit()
    assert [path.name for path in tmp_path.glob("step-*")] == ["step-00000001"]


def test_an_interrupt_in_the_middle_of_a_step_waits_for_its_end(tmp_path):
    def interrupt(step, images):
        if step == 4:
            signal.raise_signal(signal.SIGINT)
        return 1

    def run(trouble):
        torch.manual_seed(0)
        return Run(Failing(trouble), DATA, Recipe(steps=8, augmentation=noisy))
    unbroken, interrupted = run(lambda step, images: 1), run(interrupt)
    found = []
    with pytest.raises(KeyboardInterrupt):
        for step in interrupted:
            found.append(step)
    assert len(found) == 3 and len(interrupted.history) == 4      # the fourth step was finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    losses(interrupted)
    assert interrupted.history["train_loss"].tolist() == losses(unbroken)
    assert same_weights(interrupted.model, unbroken.model)


def test_fit_saves_when_interrupted(tmp_path, capsys):
    def interrupt(step, images):
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return 1
    run = Run(Failing(interrupt), DATA, Recipe(steps=8), folder=tmp_path, save_every=100)
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert "Interrupted: call fit() again to go on." in capsys.readouterr().out
    assert [path.name for path in tmp_path.glob("step-*")] == ["step-00000002"]
    assert len(run.fit()) == 8


def too_big(limit):
    def trouble(step, images):
        if len(images) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory (faked)")
        return 1
    return trouble


def test_out_of_memory_halves_the_batch_and_adds_up_the_gradients():
    def run(limit):
        torch.manual_seed(0)
        model = Failing(too_big(limit))
        model.dropout.p = 0.0
        return Run(model, DATA, Recipe(epochs=4, batch_size=40, optimizer="sgd", learning_rate=0.1,
                                       label_smoothing=0.1))
    whole, pieces = run(40), run(6)
    first, expected = next(pieces), next(whole)
    for mine, reference in zip(pieces.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, reference.grad)
    assert float(first.loss) == pytest.approx(float(expected.loss))
    assert pieces.history.messages == [
        f"Out of memory at step 1: each batch of 40 is now computed {piece} at a time." for piece in (20, 10, 5)]
    whole.fit()
    pieces.fit()
    assert len(pieces.history.messages) == 3
    for column in ("step", "epoch", "train_accuracy"):      # the effective batch stays
        assert pieces.history[column].tolist() == whole.history[column].tolist()
    assert pieces.history["train_loss"] == pytest.approx(whole.history["train_loss"], rel=1e-4)


def test_out_of_memory_with_one_example_is_raised():
    run = Run(Failing(too_big(0)), DATA, Recipe())
    with pytest.raises(torch.OutOfMemoryError):
        run.fit()
    assert len(run.history.messages) == 5 and len(run.history) == 0      # 16, 8, 4, 2, 1


def test_history_refuses_unknown_columns_and_gives_copies():
    run = Run(ToyNet, DATA, Recipe())
    assert math.isnan(run.history.images_per_second) and math.isnan(run.history.last("train_loss"))
    run.fit()
    with pytest.raises(KeyError, match="'loss' is not a column; there are step, epoch"):
        run.history["loss"]
    run.history["train_loss"][:] = 0
    assert run.history.last("train_loss") > 0


@pytest.mark.parametrize("field", ["save_every", "threads"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_a_count_of_steps_or_threads_is_a_whole_number(field, value):
    with pytest.raises(SettingError, match=f"{field} = {value}.*at least 1"):
        Run(ToyNet, toy_dataset(), Recipe(), **{field: value})



def test_images_are_scaled_as_the_recipe_says():
    sizes = []

    class Seeing(SmallCNN):
        def forward(self, images):
            if self.training:
                sizes.append(tuple(images.shape[-2:]))
            return super().forward(images)
    run = Run(lambda: Seeing(4, 1, 3), DATA, Recipe(steps=5, resolutions=((0.4, 16), (0.6, 12))), threads=1)
    assert all(map(math.isfinite, losses(run)))
    assert sizes == [(16, 16), (16, 16), (12, 12), (8, 8), (8, 8)]
    checks = torch.zeros(1, 1, 4, 4)
    checks[..., ::2, :] = 1
    torch.testing.assert_close(scaled(checks, 2), torch.full((1, 1, 2, 2), 0.5), rtol=0, atol=0.1)
    assert scaled(checks, 4) is checks and scaled(checks, None) is checks
