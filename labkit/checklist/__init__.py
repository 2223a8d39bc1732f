"""The document's five steps to a good model, on data that a learner chooses or gives: see question 3 of chapter 9."""
from labkit.checklist.comparison import judge
from labkit.checklist.fitting import train, training, tune
from labkit.checklist.intake import BUNDLED, intake
from labkit.checklist.network import choose
from labkit.checklist.processing import process
from labkit.checklist.saved import load, save

__all__ = ["BUNDLED", "choose", "intake", "judge", "load", "process", "save", "train", "training", "tune"]
