"""One loop for everything: a `Run` is an iterator of steps, and nothing happens until it is drained."""
import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn

from labkit import settings
from labkit.data.dataset import Dataset
from labkit.device import choose as choose_device
from labkit.device import describe, use_threads
from labkit.evaluation import evaluate
from labkit.language import _
from labkit.loss import correct, count, mean_loss
from labkit.memory import keep_memory
from labkit.training import checkpoint, distributed
from labkit.training.bar import Bar
from labkit.training.batches import Batches, check_data, scaled
from labkit.training.failure import TrainingError, not_finite
from labkit.training.folder_lock import FolderLock
from labkit.training.history import History
from labkit.training.interrupt import Uninterrupted
from labkit.training.randomness import INIT, PROBE, STEP, of_rank, seeded
from labkit.training.recipe import Recipe, whole
from labkit.training.step import Step
from labkit.training.threads import fastest

READ_EVERY = 0.1    # seconds between two looks at the losses that wait on an accelerator


class Run:
    """Train `model` on `dataset` as `recipe` says, a step at a time.

    model       a module, trained in place; or a function that builds one, called under the recipe's seed
    device      auto, cuda, mps or cpu
    folder      where checkpoints go; None keeps none. One that holds some already needs `resume`
    save_every  steps between checkpoints; None saves after each epoch. The end and a stop always save.
    resume      go on from the newest checkpoint in `folder`, if there is one
    threads     torch threads, from the first step to the end of the loop (a `break` keeps them); None chooses
                by timing at the start (or LABKIT_THREADS, where it is set)

    `for step in run` trains; `run.fit()` does that with a progress bar and returns `run.history`. Left early,
    by `break`, `run.stop()` or an interrupt, a later loop goes on at the next step as if nothing had been.
    What the targets are says what the loss is: see `labkit.loss`. Started by torchrun, a run shares each batch among
    `run.processes` processes, of which this is `run.rank`, from 0: see `labkit.training.distributed`.
    Random numbers depend on the seed and the step alone, so on the same CPU with the same threads a run
    that was stopped, or killed and resumed, has bit-identical losses to one that was not.

    If CUDA runs out of memory, a process alone computes the batch in halves (quarters ...) whose gradients add up: the
    effective batch stays, batch normalisation sees less. This is tested with a faked error, and never ran on a GPU.

    Raises `SettingError` for data that do not fit the model and for a used folder, `CheckpointError` for a folder that
    does not fit the run, cannot be written (before the first step, where that can be known) or is in use by another run
    that is in its loop, and `TrainingError` when the loss is no longer a finite number.
    """

    def __init__(self, model: nn.Module | Callable[[], nn.Module], dataset: Dataset, recipe: Recipe,
                 device: str | torch.device = "auto", *, folder: str | Path | None = None,
                 save_every: int | None = None, resume: bool = False, threads: int | None = None):
        for field, value in (("save_every", save_every), ("threads", threads)):
            if value is not None:
                whole(field, value, 1)
        self._group = distributed.join(device)      # None, unless torchrun started several processes
        self.device = choose_device(device) if self._group is None else self._group.device
        self.rank, self.processes = (0, 1) if self._group is None else (self._group.rank, self._group.size)
        if not isinstance(model, nn.Module):
            with seeded(self.device, recipe.seed, INIT):
                model = model()
        self.model, self.dataset, self.recipe = model, dataset, recipe
        self.folder = None if folder is None else Path(folder)
        self.save_every = save_every
        check_data(model, dataset, recipe)
        self.history = History()
        self.history.device = describe(self.device)
        self.history.threads = threads or settings.threads()
        self.total = recipe.total_steps(len(dataset.train))
        if self._group is not None:
            self._group.check(recipe, len(dataset.train), self.total)
            self._group.wait()      # for a checkpoint that the first process may be writing
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.best_step = 0
        self._best_loss = math.inf
        self._validations_since_best = 0
        self._step = 0                  # finished steps
        self._piece = recipe.batch_size
        self._waiting: list[tuple] = []     # rows whose loss has not been read from the device yet
        self._stopping = self._ended_early = self._failed = False
        self._batches: Batches | None = None
        self._threads_before: int | None = None     # torch's, outside the run
        self._restored: dict | None = None      # a checkpoint's state
        self._alone = FolderLock(self.folder if self.rank == 0 else None)   # the first process writes
        if self.folder is not None and resume:
            self._restore()
            self.history.threads = threads or self.history.threads
            if self._group is not None:
                self._group.agree(self._step, self.folder)
        elif self.folder is not None:
            checkpoint.check_unused(self.folder)

    # --- what a caller does with a run ---

    @property
    def finished(self) -> bool:
        """Whether the last step, or an early stop by `patience`, has been reached."""
        return self._step >= self.total or self._ended_early

    def __iter__(self) -> Iterator[Step]:
        self._stopping = False
        return self._loop()

    def _loop(self) -> Iterator[Step]:
        """One loop's steps. However it is left, `break` included, Python closes this, which gives the folder back."""
        with nullcontext() if self.finished else self._alone:
            yield from iter(self.__next__, None)

    def __next__(self) -> Step:
        try:
            if self.finished or self._stopping:
                self._save()
                raise StopIteration
            with Uninterrupted():
                if self._batches is None:
                    self._prepare()
                self._threads_before = self._threads_before or torch.get_num_threads()
                use_threads(self.history.threads)
                return self._advance()
        except BaseException:
            self._give_threads_back()
            raise

    def fit(self) -> History:
        """Run to the end with a progress bar. An interrupt saves what there is and is raised again."""
        with Bar(self.total, self.history, silent=self.rank > 0) as bar:
            try:
                for _step in self:
                    bar.update()
            except KeyboardInterrupt:
                self._save()
                raise
        return self.history

    def stop(self) -> None:
        """End the loop after the step in hand. Any thread may call this."""
        self._stopping = True

    def load_best(self) -> int:
        """Put the weights with the lowest validation loss into the model; return the step they are from."""
        if self.best_weights is None:
            raise TrainingError(_("There is no best model yet: nothing has been validated."))
        self.model.load_state_dict(self.best_weights)
        return self.best_step

    def _give_threads_back(self) -> None:
        """Not after each step: see `use_threads` for what a change costs."""
        if self._threads_before is not None:
            use_threads(self._threads_before)
            self._threads_before = None

    # --- one step ---

    def _prepare(self) -> None:
        """Move model and data to the device, and settle what stays fixed for the whole run."""
        keep_memory()
        images = self.dataset.train.inputs.ndim == 4 and self.device.type != "mps"
        self.model.to(self.device, memory_format=torch.channels_last if images else torch.preserve_format)
        self._forward, share = self.model, None
        if self._group is not None:
            self._forward, share = self._group.wrap(self.model), self._group.share
        self._batches = Batches(self.dataset.train, self.recipe.batch_size, self.recipe.seed, self.device, share,
                                self.recipe.taken if self.recipe.hardest else None)
        self._stream = of_rank(STEP, self.rank)
        self._weights = list(self.model.parameters())
        self._optimizer = self.recipe.make_optimizer(self.model, self.device)
        if self._restored is not None:
            self._optimizer.load_state_dict(self._restored["optimizer"])
            self._batches.state = self._restored.get("batches")     # an older labkit kept none
        self._autocast = self.recipe.autocast(self.device)
        self._last_read = time.perf_counter()
        if self.history.threads is None:
            self.history.threads = self._choose_threads()

    def _choose_threads(self) -> int:
        if self.device.type != "cpu":
            return torch.get_num_threads()
        if self._group is not None:
            return self._group.threads()
        model, (inputs, targets) = copy.deepcopy(self.model).train(), self._batches[self._step]

        def step():
            with seeded(self.device, self.recipe.seed, PROBE), self._autocast:
                loss = mean_loss(model(inputs), targets)
            loss.backward()
        return fastest(step)

    def _advance(self) -> Step:
        began = time.perf_counter()
        index, recipe = self._step, self.recipe
        learning_rate = recipe.learning_rate_at(index, self.total)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        if not self.model.training:
            self.model.train()
        inputs, targets = self._batches[index]
        loss, right = self._gradients(inputs, targets)
        if recipe.l1:
            for weight in self._weights:
                if weight.grad is not None:
                    weight.grad.add_(weight.detach().sign(), alpha=recipe.l1)
        self._optimizer.step()
        self._step += 1
        epoch = self._batches.epoch(index) + 1
        self._waiting.append((self._step, epoch, learning_rate, loss, right, count(targets)))
        if self.device.type == "cpu" or began - self._last_read > READ_EVERY or self._step == self.total:
            self._flush()
        self.history.images += len(targets)
        self.history.seconds += time.perf_counter() - began
        validation = self._validate() if self._is_due(recipe.validate_every) else (None, None)
        if self._is_due(self.save_every):
            self._save()
        return Step(self._step, self.total, epoch, loss, learning_rate, *validation)

    def _gradients(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Leave the gradients of the mean loss in the weights; return that loss and how many were right."""
        while True:
            try:
                with seeded(self.device, self.recipe.seed, self._stream, self._step):
                    return self._gradients_in_pieces(inputs, targets)
            except torch.OutOfMemoryError:
                if self._piece == 1 or self._group is not None:     # the others wait for this backward pass
                    raise
                self._piece = math.ceil(min(self._piece, len(targets)) / 2)
                self.history.messages.append(_(
                    "Out of memory at step {step}: each batch of {batch} is now computed {piece} at a time.").format(
                        step=self._step + 1, batch=self.recipe.batch_size, piece=self._piece))

    def _gradients_in_pieces(self, inputs, targets) -> tuple[torch.Tensor, torch.Tensor]:
        losses, rights, group, smoothing = [], [], self._group, self.recipe.label_smoothing
        mine = targets if group is None else targets[group.share(len(targets))]
        for place, (x, y) in enumerate(zip(inputs.split(self._piece), mine.split(self._piece), strict=True)):
            if self.recipe.augmentation is not None:
                x = self.recipe.augmentation(x)
            x = scaled(x, self.recipe.resolution_at(self._step, self.total))
            with self._autocast:
                outputs = self._forward(x)
                if len(y) == len(targets):
                    loss = mean_loss(outputs, y, smoothing)
                else:
                    loss = mean_loss(outputs, y, smoothing, reduction="sum") / count(targets)
            value, right = loss.detach(), correct(outputs.detach(), y)
            if group is not None:
                value, right = group.total(value, right)
                loss = loss * group.size        # gradients are averaged over the processes; these are to add up
            if self.device.type == "cpu" and not math.isfinite(value.item()):
                raise self._explain(value.item(), self._step + 1)   # before the gradients of the last step go
            if not losses:
                for weight in self._weights:
                    weight.grad = None
            loss.backward()
            losses.append(value)
            rights.append(right)
            self._batches.saw(place * self._piece, outputs.detach(), y)
        return (losses[0], rights[0]) if len(losses) == 1 else (sum(losses), sum(rights))

    def _is_due(self, every: int | None) -> bool:
        return self._step == self.total or (
            self._step % every == 0 if every else self._batches.ends_epoch(self._step - 1))

    # --- what follows a step ---

    def _flush(self) -> None:
        """Read the losses that still wait on the device into the history, and look at each."""
        if not self._waiting:
            return
        rows, self._waiting = self._waiting, []
        losses = torch.stack([row[3] for row in rows]).tolist()
        rights = torch.stack([row[4] for row in rows]).tolist()
        for (step, epoch, learning_rate, *_rest, counted), loss, right in zip(rows, losses, rights, strict=True):
            if not math.isfinite(loss):
                self._step = step
                raise self._explain(loss, step)
            self.history.append(step, epoch, learning_rate, loss, right / float(counted))
        self._last_read = time.perf_counter()

    def _validate(self) -> tuple[float, float]:
        self._flush()
        try:
            with self._autocast:
                scores = (evaluate if self._group is None else self._group.scores)(self.model, self.dataset.validation)
        except settings.SettingError as error:
            raise self._explain(math.nan, self._step) from error    # the last update broke the weights
        self.history.set_validation(scores.loss, scores.accuracy)
        if scores.loss < self._best_loss:
            self._best_loss, self.best_step, self._validations_since_best = scores.loss, self._step, 0
            self.best_weights = {name: value.detach().cpu().clone()
                                 for name, value in self.model.state_dict().items()}
        else:
            self._validations_since_best += 1
        if self._is_out_of_patience():
            self._ended_early = True
            self.history.messages.append(_(
                "Stopped early at step {step}: the lowest validation loss was at step {best}.").format(
                    step=self._step, best=self.best_step))
        return scores.loss, scores.accuracy

    def _is_out_of_patience(self) -> bool:
        return self.recipe.patience is not None and self._validations_since_best >= self.recipe.patience

    def _explain(self, loss: float, step: int) -> TrainingError:
        kept = checkpoint.names(self.folder) if self.folder is not None else []
        self._ended_early = self._failed = True
        return not_finite(self.model, loss, step, self.recipe.learning_rate_at(step - 1, self.total),
                          self.folder / kept[-1] if kept else None, advice=self.recipe.learning_rate / 10)

    # --- checkpoints ---

    def _save(self) -> None:
        self._flush()
        if self.folder is None or not self._step or self._batches is None or self._failed:
            return
        if not all(weight.isfinite().all() for weight in self.model.parameters()):
            raise self._explain(math.nan, self._step)       # the last update broke them: keep the good checkpoint
        if self.rank > 0:
            return      # the first process writes, and goes on when it has
        about = {"step": self._step, "model": type(self.model).__name__, "recipe": self.recipe.as_dict()}
        state = {"optimizer": self._optimizer.state_dict(), "batches": self._batches.state, "piece": self._piece,
                 "history": self.history.state(), "best_weights": self.best_weights, "best_step": self.best_step,
                 "best_loss": self._best_loss, "validations_since_best": self._validations_since_best}
        with self._alone:
            checkpoint.save(self.folder, about, self.model.state_dict(), state)

    def _restore(self) -> None:
        saved = checkpoint.latest(self.folder)
        if saved is None:
            return
        checkpoint.check_fits(saved, self.model, self.recipe)
        self.model.load_state_dict(saved.weights)
        self.history = History.from_state(saved.state["history"])
        self._step = saved.about["step"]
        self._restored = saved.state
        self._piece = saved.state["piece"] if self._group is None else self.recipe.batch_size
        self.best_weights, self.best_step = saved.state["best_weights"], saved.state["best_step"]
        self._best_loss = saved.state["best_loss"]
        self._validations_since_best = saved.state["validations_since_best"]
        self._ended_early = self._is_out_of_patience()
