"""Answers to exercise 8.2: right ones, and plausible wrong ones."""
import torch


def by_sums(gradients, counts):
    total = torch.zeros(gradients.shape[1])
    for gradient, count in zip(gradients, counts.tolist(), strict=True):
        if count:
            total += count * gradient
    return total / counts.sum()


def with_zeros(gradients, counts):
    return (counts / counts.sum()) @ gradients.nan_to_num()


RIGHT = {"8.2": [by_sums, with_zeros]}
WRONG = {"8.2": [
    lambda gradients, counts: gradients.nan_to_num().mean(0),               # all processes count alike
    lambda gradients, counts: gradients[counts > 0].mean(0),                # all that have something do
    lambda gradients, counts: (counts / counts.sum()) @ gradients,          # 0 times NaN
    lambda gradients, counts: counts.float() @ gradients.nan_to_num(),      # a sum
    lambda gradients, counts: counts.float() @ gradients.nan_to_num() / len(counts),    # divided by the processes
    lambda gradients, counts: by_sums(gradients, counts).mean(),            # over the parameters as well
]}
