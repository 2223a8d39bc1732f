"""Figures that say what they show: plotly, one style, readable without colour.

Each function returns a `go.Figure`, so a cell ends with the call. Titles, labels and names that it is given are shown
in the learner's language where the catalogue has them.
"""
from labkit.figures.classifiers import class_scores, confusion_matrix, learning_curves, mistakes, reliability
from labkit.figures.growth import growth
from labkit.figures.plain import bars, images, lines
from labkit.figures.sizes import amounts, parameters
from labkit.figures.surfaces import surface

__all__ = ["amounts", "bars", "class_scores", "confusion_matrix", "growth", "images", "learning_curves", "lines",
           "mistakes", "parameters", "reliability", "surface"]
