"""The fourth step, and the first half of the fifth: training, and the choice of a learning rate on validation."""
from dataclasses import dataclass

from labkit.checklist.network import Chosen, build
from labkit.checklist.processing import Processed
from labkit.checklist.report import Reported
from labkit.evaluation import Scores, evaluate
from labkit.language import _
from labkit.training import Recipe, Run

BATCH = 64
RATES = (1e-3, 3e-3, 1e-2)      # tuning tries as many as the baseline has strengths
FIRST = 3e-3
VALIDATIONS = 15                # in a run


def training(processed: Processed, chosen: Chosen, learning_rate: float = FIRST, steps: int = 200, seed: int = 0,
             threads: int | None = None) -> Run:
    """The run, not yet drained: AdamW, and a learning rate that rises for a quarter and then falls (one-cycle)."""
    examples = len(processed.dataset.train)
    batch = min(BATCH, examples)
    while examples % batch == 1 and batch > 2:      # batch normalisation cannot learn from a batch of one
        batch -= 1
    recipe = Recipe(steps=steps, batch_size=batch, learning_rate=learning_rate, optimizer="adamw", weight_decay=0.01,
                    schedule="one-cycle", validate_every=max(1, steps // VALIDATIONS), seed=seed)
    return Run(lambda: build(chosen.description), processed.dataset, recipe, threads=threads)


@dataclass(frozen=True, repr=False)
class Trained(Reported):
    """A run that has ended, with the weights of its lowest validation loss in `run.model`."""
    run: Run
    chosen: Chosen
    best_step: int
    validation: Scores

    def rows(self):
        recipe, history = self.run.recipe, self.run.history
        yield _("optimizer"), f"{recipe.optimizer}, weight_decay {recipe.weight_decay:g}"
        yield _("learning rate"), _("up to {rate:g}, then down to 0 ({schedule})").format(
            rate=recipe.learning_rate, schedule=recipe.schedule)
        yield _("steps of {batch} examples").format(batch=recipe.batch_size), f"{self.run.total:,}"
        yield _("training loss"), _("{first:.3f} at first, {last:.3f} at last").format(
            first=history["train_loss"][0], last=history["train_loss"][-1])
        yield _("lowest validation loss"), _("{loss:.3f}, at step {step}: these weights are kept").format(
            loss=self.validation.loss, step=self.best_step)
        yield _("validation accuracy"), f"{self.validation.accuracy:.1%}"


def train(processed: Processed, chosen: Chosen, learning_rate: float = FIRST, steps: int = 200, seed: int = 0,
          threads: int | None = None) -> Trained:
    """Train to the end, and keep the weights that were best on validation."""
    return finish(training(processed, chosen, learning_rate, steps, seed, threads), chosen)


def finish(run: Run, chosen: Chosen) -> Trained:
    """Drain `run`, put its best weights into the model, and score them on validation."""
    for _step in run:
        pass
    step = run.load_best()
    return Trained(run, chosen, step, evaluate(run.model, run.dataset.validation))


@dataclass(frozen=True, repr=False)
class Tuned(Reported):
    """Runs that differ in their learning rate; `best` has the lowest validation loss."""
    trials: tuple[Trained, ...]

    @property
    def best(self) -> Trained:
        return min(self.trials, key=lambda trial: trial.validation.loss)

    def rows(self):
        yield _("learning rate"), _("validation loss"), _("validation accuracy"), ""
        for trial in self.trials:
            yield (f"{trial.run.recipe.learning_rate:g}", f"{trial.validation.loss:.3f}",
                   f"{trial.validation.accuracy:.1%}", _("chosen") if trial is self.best else "")


def tune(processed: Processed, trained: Trained, rates: tuple[float, ...] = RATES) -> Tuned:
    """Train as `trained` was, once at each of the `rates` that it did not have. Only validation is read."""
    recipe = trained.run.recipe
    trials = [trained] + [train(processed, trained.chosen, rate, recipe.steps, recipe.seed, trained.run.history.threads)
                          for rate in rates if rate != recipe.learning_rate]
    return Tuned(tuple(sorted(trials, key=lambda trial: trial.run.recipe.learning_rate)))
