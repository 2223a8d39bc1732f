"""Answers to exercise 6.1: right ones, and plausible wrong ones."""
import torch


def masked(tokens, draws, kinds, others, mask, share=0.15, padding=True, hidden=0.8, changed=0.9, kept=True):
    inputs, targets = tokens.clone(), torch.full_like(tokens, -100)
    for place in torch.cartesian_prod(*map(torch.arange, tokens.shape)).tolist():
        row, column = place
        token = tokens[row, column]
        if draws[row, column] >= share or (padding and token == 0):
            continue
        kind = kinds[row, column]
        if kind < changed or kept:
            targets[row, column] = token
        if kind < hidden:
            inputs[row, column] = mask
        elif kind < changed:
            inputs[row, column] = others[row, column]
    return inputs, targets


def every_target(*arguments):
    return masked(*arguments)[0], arguments[0]


RIGHT = {"6.1": [masked, lambda *arguments: torch.stack(masked(*arguments))]}
WRONG = {"6.1": [lambda *given: masked(*given, padding=False), lambda *given: masked(*given, hidden=1.0),
                 lambda *given: masked(*given, changed=0.8), lambda *given: masked(*given, kept=False),
                 lambda *given: masked(*given, share=0.2), every_target,
                 lambda *given: masked(*given)[::-1]]}
