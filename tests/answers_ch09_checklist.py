"""Answers to exercise 9.3: right ones, and plausible wrong ones."""
import torch


def _safe(deviation):
    return torch.where(deviation > 0, deviation, torch.ones_like(deviation))


def by_hand(train, new):
    columns = []
    for place in range(train.shape[1]):
        known = train[:, place]
        mean = sum(known) / len(known)
        deviation = (sum((value - mean) ** 2 for value in known) / len(known)) ** 0.5
        columns.append((new[:, place] - mean) / (deviation or 1))
    return torch.stack(columns, dim=1)


def _by(part, new, correction=0):
    return (new - part.mean(0)) / _safe(part.std(0, correction=correction))


RIGHT = {"9.3": [by_hand, lambda train, new: _by(train, new)]}
WRONG = {"9.3": [
    lambda train, new: _by(new, new),                                               # each part by its own numbers
    lambda train, new: _by(torch.cat([train, new]), new),                           # the test leaks into the mean
    lambda train, new: _by(train, new, correction=1),                               # of a sample
    lambda train, new: (new - train.mean(0)) / train.std(0, correction=0),          # divides by 0
    lambda train, new: (new - train.mean()) / train.std(correction=0),              # one mean for all columns
    lambda train, new: (new - train.amin(0)) / _safe(train.amax(0) - train.amin(0)),    # to 0..1
    lambda train, new: _by(train, train),                                           # the wrong part
]}
