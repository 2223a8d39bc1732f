"""The loop: a `Recipe` says how to train, a `Run` does it step by step, a `History` holds what happened."""
from labkit.training.checkpoint import CheckpointError
from labkit.training.history import History
from labkit.training.recipe import Recipe
from labkit.training.run import Run, TrainingError
from labkit.training.step import Step

__all__ = ["CheckpointError", "History", "Recipe", "Run", "Step", "TrainingError"]
