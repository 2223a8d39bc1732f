"""Answers to exercises 10.1 and 10.2: right ones, and plausible wrong ones."""
import math

import torch


def cell_by_cell(length, size):
    table = torch.empty(length, size)
    for place in range(length):
        for column in range(size):
            angle = place / 10000 ** ((column - column % 2) / size)
            table[place, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return table


def halves(length, size):
    angles = torch.arange(length)[:, None] * 10000 ** (-torch.arange(0, size, 2) / size)
    return torch.cat([angles.sin(), angles.cos()], 1)


def by_a_matrix(encoded, length):
    size = encoded.shape[1]
    turn = torch.zeros(size, size)
    for column in range(0, size, 2):
        c = (length - 1) / 10000 ** (column / size)
        turn[column:column + 2, column:column + 2] = torch.tensor([[-math.cos(c), math.sin(c)],
                                                                   [math.sin(c), math.cos(c)]])
    return encoded @ turn


RIGHT = {"10.1": [cell_by_cell], "10.2": [by_a_matrix]}
WRONG = {
    "10.1": [
        halves,                                                                     # all sines, then all cosines
        lambda length, size: cell_by_cell(length + 1, size)[1:],                    # places from 1
        lambda length, size: cell_by_cell(length, size).flip(1),                    # the cosine first
        lambda length, size: torch.stack([torch.cos(torch.arange(length)[:, None] / 10000 ** (column / size)).squeeze(1)
                                          if column % 2 else
                                          torch.sin(torch.arange(length)[:, None] / 10000 ** (column / size)).squeeze(1)
                                          for column in range(size)], 1),           # an angle of its own per column
    ],
    "10.2": [
        lambda encoded, length: encoded.flip(0),                                    # turns the rows given
        lambda encoded, length: encoded * torch.tensor([-1.0, 1.0]).repeat(encoded.shape[1] // 2),     # −t
        lambda encoded, length: by_a_matrix(encoded, length + 1),                   # length − t
    ],
}
