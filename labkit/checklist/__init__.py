"""The document's five steps to a good model, on data that a learner chooses or gives: see question 3 of chapter 9."""
from labkit.checklist.intake import BUNDLED, intake
from labkit.checklist.judge import judge
from labkit.checklist.network import choose
from labkit.checklist.process import process
from labkit.checklist.saved import load, save
from labkit.checklist.train import train, training, tune

__all__ = ["BUNDLED", "choose", "intake", "judge", "load", "process", "save", "train", "training", "tune"]
