"""Answers to exercise 10.3: right ones, and plausible wrong ones."""
import torch


def pair_by_pair(length, kind, padding):
    return [[j < length - padding and (kind == "both sides" or j <= i) for j in range(length)] for i in range(length)]


def broadcast(length, kind, padding):
    places = torch.arange(length)
    seen = (places < length - padding).expand(length, length)
    return seen & (places[None] <= places[:, None]) if kind == "left to right" else seen


RIGHT = {"10.3": [pair_by_pair, broadcast]}
WRONG = {"10.3": [
    lambda length, kind, padding: ~broadcast(length, kind, padding),                # what is forbidden
    lambda length, kind, padding: broadcast(length, kind, padding).T,               # right to left
    lambda length, kind, padding: broadcast(length, kind, 0),                       # padding is read as text
    lambda length, kind, padding: broadcast(length, kind, padding) & ~torch.eye(length, dtype=torch.bool),
    lambda length, kind, padding: broadcast(length, "both sides", padding),         # the kind is ignored
]}
