"""Answers to exercise 8.5: right ones, and plausible wrong ones."""


def by_counting(approved, repaid, young):
    shares = []
    for group in (True, False):
        inside = [yes for yes, good, is_young in zip(approved.tolist(), repaid.tolist(), young.tolist(), strict=True)
                  if good and is_young is group]
        shares.append(sum(inside) / len(inside))
    return shares[0] - shares[1]


def share(of, among):
    return of[among].double().mean()


RIGHT = {"8.5": [by_counting, lambda a, r, y: (a & r & y).sum() / (r & y).sum() - (a & r & ~y).sum() / (r & ~y).sum()]}
WRONG = {"8.5": [
    lambda a, r, y: share(a, y) - share(a, ~y),                             # demographic parity
    lambda a, r, y: share(a, r & ~y) - share(a, r & y),                     # the other sign
    lambda a, r, y: abs(by_counting(a, r, y)),                              # hides who is worse off
    lambda a, r, y: share(a & r, y) - share(a & r, ~y),                     # of all, not of those who repaid
    lambda a, r, y: share(r, a & y) - share(r, a & ~y),                     # precision
    lambda a, r, y: share(a, r & y) / share(a, r & ~y),                     # a ratio
]}
