"""What to offer next: recommenders trained on ratings, measured on warm and on cold items, and asked by new users."""
import copy
import math
from dataclasses import dataclass

import numpy as np
import torch

from labkit.data.dataset import Dataset, Split
from labkit.data.ratings import Ratings
from labkit.language import _
from labkit.models.recommend import ContentBased, Hybrid, MatrixFactorisation, Recommender
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

MODELS = {"collaborative": MatrixFactorisation, "content": ContentBased, "hybrid": Hybrid}
LIKED = 4           # a rating of at least this says that an item was liked
LOOKS = 10          # how often training looks at the validation ratings


@dataclass(frozen=True)
class Parts:
    """Ratings divided: `train`, `validation` and `test` are rows of `ratings`, each row in one of them.

    warm    items with ratings in training, int64
    cold    the others: nobody had rated them when the models were trained
    """
    ratings: Ratings
    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor
    warm: torch.Tensor
    cold: torch.Tensor

    def matrix(self, rows: torch.Tensor) -> torch.Tensor:
        """The preferences of these rows, float32 (users, items): -1 to 1 for ratings of 1 to 5, and 0 without one."""
        found, cells = self.ratings, torch.zeros(self.ratings.user_count, len(self.ratings.titles))
        cells[found.users[rows], found.items[rows]] = preference(found.ratings[rows])
        return cells


def preference(ratings):
    """Ratings of 1 to 5 as -1 to 1: a 3 says as little as no rating."""
    return (ratings - 3) / 2


def split(ratings: Ratings, seed: int = 0, cold: float = 0.15) -> Parts:
    """Divide by chance: all ratings of a share `cold` of the items go to the test, a fifth of the others too.

    A tenth is for validation. Items are drawn before ratings, so that nothing of a cold item is in training.
    """
    generator = torch.Generator().manual_seed(seed)
    items = len(ratings.titles)
    new = torch.randperm(items, generator=generator) < round(cold * items)
    draw = torch.rand(len(ratings.items), generator=generator)
    test = new[ratings.items] | (draw < 0.2)
    validation = ~test & (draw < 0.3)
    train = ~test & ~validation
    counts = torch.bincount(ratings.items[train], minlength=items)
    return Parts(ratings, *(part.nonzero().flatten() for part in (train, validation, test, counts > 0, counts == 0)))


def dataset(parts: Parts) -> Dataset:
    """An example for each user: their number (1,), and their preference for each warm item (warm,).

    For validation and test the ratings held out for it are added to those of training.
    """
    ratings, users = parts.ratings, torch.arange(parts.ratings.user_count)[:, None]

    def with_rows(*rows):
        return Split(users, parts.matrix(torch.cat(rows))[:, parts.warm])
    return Dataset(ratings.name, with_rows(parts.train), with_rows(parts.train, parts.validation),
                   with_rows(parts.train, parts.validation, parts.test), (), ratings.licence, ratings.source,
                   ratings.sha256, ratings.note)


def run(kind: str, parts: Parts, steps: int, seed: int = 0, threads: int | None = None,
        weight_decay: float = 3.0) -> Run:
    """A run of one of `MODELS` over `steps` batches of 64 users, not yet started.

    The weight decay is large since a user has three numbers to learn from for each that is learned.
    """
    build = MODELS[choose("kind", kind, tuple(MODELS))]
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=0.01, optimizer="adamw", weight_decay=weight_decay,
                    schedule="cosine", validate_every=max(1, steps // LOOKS), seed=seed)
    return Run(lambda: build(parts.ratings.user_count, parts.warm, parts.ratings.features), dataset(parts), recipe,
               device="cpu", threads=threads)


def fit(run: Run, parts: Parts) -> dict[int, float]:
    """Train to the end and keep the weights that ranked the validation ratings best: {step: NDCG@10 of warm items}."""
    found, best = {}, {}
    for step in run:
        if step.validation_loss is not None:
            found[step.index] = evaluate(scores(run.model), parts, rows=parts.validation)["warm"]["ndcg"]
            if found[step.index] == max(found.values()):
                best = copy.deepcopy(run.model.state_dict())
    run.model.load_state_dict(best)
    return found


def scores(model: Recommender) -> torch.Tensor:
    """The model's scores of all users and items (users, items)."""
    model.eval()
    with torch.no_grad():
        return model.scores(torch.arange(model.user.num_embeddings))


def popularity(parts: Parts) -> torch.Tensor:
    """The simple baseline: how many users liked an item in training, the same for each user (users, items)."""
    liked = parts.train[parts.ratings.ratings[parts.train] >= LIKED]
    counts = torch.bincount(parts.ratings.items[liked], minlength=len(parts.ratings.titles))
    return counts.float().expand(parts.ratings.user_count, -1)


def evaluate(scores: torch.Tensor, parts: Parts, k: int = 10, rows: torch.Tensor | None = None) -> dict[str, dict]:
    """Recall@k and NDCG@k of `scores` (users, items), {"warm": {"recall", "ndcg"}, "cold": ...}, means over users.

    Warm: for each user the warm items that the user has not rated in training (or, in the test, validation) are ranked.
    Cold: all cold items are. Relevant is what the user liked among the held-out `rows`, the test if None; users with
    nothing relevant do not count. Recall is the share of the relevant items among the first k, of at most k. Equal
    scores are put in an order by chance. A group that nobody liked anything of has NaN.
    """
    from sklearn.metrics import ndcg_score
    ratings, test = parts.ratings, rows is None
    rows = parts.test if test else rows
    known = torch.cat([parts.train, parts.validation]) if test else parts.train
    liked = rows[ratings.ratings[rows] >= LIKED]
    seen, relevant = torch.zeros(2, *scores.shape, dtype=torch.bool)
    seen[ratings.users[known], ratings.items[known]] = True
    relevant[ratings.users[liked], ratings.items[liked]] = True
    order = np.random.default_rng(0).permuted(np.tile(np.arange(seen.shape[1]), (len(seen), 1)), axis=1)
    order = torch.from_numpy(order)
    ranked = order.gather(1, scores.gather(1, order).argsort(dim=1, descending=True))
    place = torch.empty_like(ranked).scatter_(1, ranked, torch.arange(seen.shape[1]).expand_as(ranked))
    place += seen * seen.shape[1]       # what a user has rated goes to the end
    found = {}
    for group, items in (("warm", parts.warm), ("cold", parts.cold)):
        wanted, at = relevant[:, items], place[:, items]
        counts = wanted.any(1)
        if not counts.any() or len(items) < 2:
            found[group] = {"recall": math.nan, "ndcg": math.nan}
            continue
        wanted, at = wanted[counts], at[counts]
        first = wanted.gather(1, at.topk(min(k, len(items)), largest=False).indices)
        recall = first.sum(1) / wanted.sum(1).clamp(max=k)
        found[group] = {"recall": recall.mean().item(),
                        "ndcg": float(ndcg_score(wanted.numpy(), -at.numpy(), k=k, ignore_ties=True))}
    return found


def table(ranked: dict[str, torch.Tensor], parts: Parts, k: int = 10):
    """A data frame with a row for each of {name: scores}, and recall@k and NDCG@k of warm and cold items."""
    import pandas
    found = {name: evaluate(scores, parts, k) for name, scores in ranked.items()}
    return pandas.DataFrame({name: {f"{group} {metric}@{k}": values[group][key] for group in ("warm", "cold")
                                    for metric, key in (("recall", "recall"), ("NDCG", "ndcg"))}
                             for name, values in found.items()}).T


class Service:
    """What a shop would call: it answers users who were not there when the model was trained.

    A new user's vector is the one under which their preferences are most likely, with unrated warm items as 0 and the
    trained users' vectors as what to expect beforehand (ridge regression, a closed form).
    """

    def __init__(self, model: Recommender, parts: Parts):
        self.ratings, self.cold = parts.ratings, set(parts.cold.tolist())
        self.numbers = {title: number for number, title in enumerate(self.ratings.titles)}
        known = parts.matrix(parts.train)[:, parts.warm]
        model.eval()
        with torch.no_grad():
            self.vectors, users = model.item_vectors(), model.user.weight
            error = (scores(model)[:, parts.warm] - known).square().mean()
            self.expected = users.mean(0)
            prior = error * torch.linalg.inv(torch.cov(users.T) + 1e-6 * torch.eye(users.shape[1]))
            warm = self.vectors[parts.warm, :-1]
            self.answer = torch.linalg.solve(warm.T @ warm + prior, warm.T)     # (width, warm)
        self.warm = parts.warm

    def user(self, preferences: torch.Tensor) -> torch.Tensor:
        """Preferences for all items (items,), 0 where there is none -> the vector of this user (width,)."""
        usual = self.vectors[:, :-1] @ self.expected + self.vectors[:, -1]
        return self.expected + self.answer @ (preferences - usual)[self.warm]

    def recommend(self, likes: dict[str, float], count: int = 10, new: bool | None = None) -> list[dict]:
        """The `count` items to offer somebody who rated {title: 1 to 5}, best first: title, genres, score, new or not.

        `new` asks for cold items alone (True) or warm ones alone (False). Raises `SettingError` for no rating, an
        unknown title, a rating that is not a number from 1 to 5, and a count that is not a whole number from 1 to
        the number of items that are left.
        """
        if not isinstance(likes, dict) or not likes:
            raise refuse("likes", likes, _("at least one title with a rating, such as {example}").format(
                example={self.ratings.titles[0]: 5}))
        preferences = torch.zeros(len(self.ratings.titles))
        for title, rating in likes.items():
            if title not in self.numbers:
                raise refuse("title", title, _("a title of the catalogue, such as {examples}").format(
                    examples=", ".join(self.ratings.titles[:3])))
            if isinstance(rating, bool) or not isinstance(rating, int | float) or not 1 <= rating <= 5:
                raise refuse(f"likes[{title!r}]", rating, _("a number from 1 to 5"))
            preferences[self.numbers[title]] = preference(rating)
        rated = {self.numbers[title] for title in likes}
        left = [item for item in self.numbers.values() if item not in rated and new in (None, item in self.cold)]
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= len(left):
            raise refuse("count", count, _("a whole number from 1 to {left}").format(left=len(left)))
        vectors = self.vectors[left]
        best = (vectors[:, :-1] @ self.user(preferences) + vectors[:, -1]).topk(count)
        return [{"title": self.ratings.titles[item], "genres": self.ratings.genres_of(item), "score": score,
                 "new": item in self.cold}
                for item, score in zip([left[place] for place in best.indices], best.values.tolist(), strict=True)]
