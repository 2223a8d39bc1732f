import dataclasses
import math
from importlib import import_module

import numpy as np
import pytest
import torch
from archives import movielens as archive
from sklearn.metrics import ndcg_score

from labkit import data, settings
from labkit.applications import recommendation as lab
from labkit.claims import rules
from labkit.claims.ch06.recommendation import combination
from labkit.data import DataError
from labkit.data.ratings import ARCHIVE, generate
from labkit.experiments.ch06 import recommendation as experiment
from labkit.settings import SettingError


@pytest.fixture(scope="module")
def parts():
    return lab.split(data.ratings(), seed=1)


@pytest.fixture(scope="module")
def trained(parts):
    run = lab.run("hybrid", parts, 200, threads=1)
    lab.fit(run, parts)
    return run.model


def test_generated_ratings_depend_on_the_seed_alone():
    state = torch.random.get_rng_state()
    first, again, other = data.ratings(seed=3), data.ratings(seed=3), data.ratings(seed=4)
    assert first.sha256 == again.sha256 != other.sha256
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(set(first.titles)) == len(first.titles) == 300 and set(first.ratings.tolist()) == {1, 2, 3, 4, 5}
    assert len(set(zip(first.users.tolist(), first.items.tolist(), strict=True))) == len(first.users)


def test_genres_say_as_much_of_the_truth_as_content_says():
    def explained(share):
        found = generate(0, share)
        taste = found.truth.double().clamp(min=1e-9).log()
        taste -= taste.mean(0)
        x = np.column_stack([found.features, np.ones(300)])
        y = taste.T.numpy()
        left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        return 1 - left.var() / y.var()
    nothing, half, nearly_all = map(explained, (0.0, 0.5, 1.0))
    assert nothing < 0.1 and nothing + 0.2 < half < nearly_all - 0.2


def test_no_rating_of_a_cold_item_and_no_row_twice_is_in_training(parts):
    rows = torch.cat([parts.train, parts.validation, parts.test])
    assert torch.equal(rows.sort().values, torch.arange(len(parts.ratings.users)))
    known = parts.ratings.items[torch.cat([parts.train, parts.validation])]
    assert len(parts.cold) == 45 and not torch.isin(known, parts.cold).any()
    assert torch.equal(torch.cat([parts.warm, parts.cold]).sort().values, torch.arange(300))
    held_out = lab.dataset(parts)
    assert (held_out.train.targets != 0).sum() < (held_out.validation.targets != 0).sum()


def test_metrics_agree_with_scikit_learn_and_ignore_what_a_user_has_rated(parts):
    scores = torch.rand(600, 300, generator=torch.Generator().manual_seed(0))
    liked = parts.test[parts.ratings.ratings[parts.test] >= 4]
    relevant = torch.zeros(600, 300)
    relevant[parts.ratings.users[liked], parts.ratings.items[liked]] = 1
    wanted, given = relevant[:, parts.cold], scores[:, parts.cold]
    counts = wanted.any(1)
    found = lab.evaluate(scores, parts)
    assert math.isclose(found["cold"]["ndcg"], ndcg_score(wanted[counts].numpy(), given[counts].numpy(), k=10))
    seen = parts.matrix(torch.cat([parts.train, parts.validation])) != 0
    assert lab.evaluate(scores + 5 * seen, parts)["warm"] == found["warm"]
    best = lab.evaluate(relevant, parts)
    assert all(value == pytest.approx(1) for values in best.values() for value in values.values())
    assert lab.evaluate(torch.zeros(600, 300), parts)["cold"]["recall"] == pytest.approx(10 / 45, abs=0.05)


def test_the_known_factors_rank_best(parts, trained):
    truth, popular, hybrid = (lab.evaluate(scores, parts) for scores in (
        parts.ratings.truth, lab.popularity(parts), lab.scores(trained)))
    for group in ("warm", "cold"):
        assert truth[group]["ndcg"] > max(hybrid[group]["ndcg"], popular[group]["ndcg"])
    assert hybrid["cold"]["ndcg"] > popular["cold"]["ndcg"] + 0.02


def test_collaborative_filtering_knows_nothing_of_cold_items(parts):
    run = lab.run("collaborative", parts, 20, threads=1)
    lab.fit(run, parts)
    cold = lab.scores(run.model)[:, parts.cold]
    assert torch.equal(cold, cold[:, :1].expand_as(cold))


def test_the_id_is_left_out_at_times_in_training_only(parts, trained):
    trained.train()
    first, second = trained.item_vectors(), trained.item_vectors()
    trained.eval()
    same = (first == second).all(1)
    assert same[parts.cold].all() and not same[parts.warm].all()
    assert torch.equal(trained.item_vectors(), trained.item_vectors())


def test_a_new_user_is_offered_what_fits_and_nothing_that_was_rated(parts, trained):
    service, ratings = lab.Service(trained, parts), parts.ratings
    offers = {}
    for genre in ("horror", "comedy"):
        column = ratings.features[:, ratings.genres.index(genre)]
        likes = {ratings.titles[item]: 5 for item in parts.warm[column[parts.warm] == 1].tolist()[:8]}
        found = service.recommend(likes, 10)
        assert not {row["title"] for row in found} & set(likes) and len(found) == 10
        assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)
        offers[genre] = [row["genres"] for row in service.recommend(likes, 40)]
    horror, comedy = (sum("horror" in genres for genres in offers[genre]) for genre in ("horror", "comedy"))
    assert horror > comedy
    new = {row["title"] for row in service.recommend({ratings.titles[0]: 5}, 20, new=True)}
    assert new <= {ratings.titles[item] for item in parts.cold.tolist()}
    assert not any(row["new"] for row in service.recommend({ratings.titles[0]: 5}, 20, new=False))
    assert service.recommend({ratings.titles[0]: 1}) != service.recommend({ratings.titles[0]: 5})


@pytest.mark.parametrize("likes, count, name", [
    ({}, 5, "likes"), ("Amber Atlas", 5, "likes"), ({"": 5}, 5, "title"), ({"x" * 10_000: 5}, 5, "title"),
    ({"known": 0}, 5, "1 to 5"), ({"known": 5.5}, 5, "1 to 5"), ({"known": True}, 5, "1 to 5"),
    ({"known": math.nan}, 5, "1 to 5"), ({"known": "5"}, 5, "1 to 5"), ({"known": 5}, 0, "count"),
    ({"known": 5}, 300, "count")])
def test_what_cannot_be_asked_is_refused(parts, trained, likes, count, name):
    if isinstance(likes, dict):
        likes = {parts.ratings.titles[0] if title == "known" else title: rating for title, rating in likes.items()}
    with pytest.raises(SettingError, match=name) as refusal:
        lab.Service(trained, parts).recommend(likes, count)
    assert len(str(refusal.value)) < 400


def test_wrong_names_and_paths_are_refused(tmp_path):
    for wrong in ({"name": "movielens"}, {"path": tmp_path}, {"content": 1.5}, {"content": True},
                  {"name": "movielens-100k", "path": tmp_path}):
        with pytest.raises(SettingError):
            data.ratings(**wrong)
    with pytest.raises(SettingError, match="kind"):
        lab.run("deep", None, 1)


def test_movielens_is_read_from_a_path_or_the_data_folder(tmp_path, monkeypatch):
    archive(tmp_path / ARCHIVE)
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    for path in (None, tmp_path, tmp_path / ARCHIVE):
        found = data.ratings("movielens-100k", path)
        assert found.titles == ("Alpha", "Beta [2]", "Beta [3]") and found.note == "not the official archive"
        assert found.ratings.tolist() == [5, 1, 4] and found.items.tolist() == [0, 1, 2] and found.user_count == 2
        assert found.genres == ("war", "western") and found.genres_of(0) == "war, western" and found.truth is None


@pytest.mark.parametrize("change, says", [
    ({"ml-100k/u.genre": None}, "not a whole"), ({"../evil": "x"}, "evil"), ({"ml-100k/..": "x"}, "not a file"),
    ({"ratings": "1\t1\t6\t0\n"}, "outside 1 to 5"), ({"ratings": "1\t9\t4\t0\n"}, "no title"),
    ({"ratings": "1,1,4,0\n"}, "cannot be read"), ({"ratings": ""}, "cannot be read"),
    ({"ml-100k/README": "x" * (9 << 20)}, "more than any file")])
def test_a_wrong_archive_is_named(tmp_path, change, says):
    archive(tmp_path / ARCHIVE, **change)
    with pytest.raises(DataError, match=says):
        data.ratings("movielens-100k", tmp_path)


def test_a_damaged_archive_is_named(tmp_path):
    whole = archive(tmp_path / ARCHIVE).read_bytes()
    for broken in (whole[:200], b"", whole.replace(b"1-Jan-95", b"2-Jan-95")):      # the last: a wrong checksum
        (tmp_path / ARCHIVE).write_bytes(broken)
        with pytest.raises(DataError, match="cannot be read"):
            data.ratings("movielens-100k", tmp_path)


def test_without_the_archive_the_official_one_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    asked = {}

    def fetch(url, target, **settings_):
        asked.update(settings_, url=url)
        return archive(target)
    monkeypatch.setattr(import_module("labkit.data.ratings"), "fetch", fetch)
    data.ratings("movielens-100k")
    assert asked["url"].startswith("https://files.grouplens.org/") and asked["size"] == 4_924_029
    assert len(asked["sha256"]) == 64 and str(settings.data_folder()) in asked["advice"]


def test_the_recorded_runs_have_what_the_rule_and_the_table_read():
    from labkit.applications.outcome import of_record
    runs = experiment.runs(0, content=(0.0, 0.5), steps=3)
    verdict, lines = combination({"runs": runs})
    assert verdict in rules.VERDICTS and len(lines) == 4 and lines[0].endswith("not judged.")
    outcomes, = of_record({"runs": runs}).values()
    assert len(outcomes) == 1 and all(found.latency > 0 and found.examples > 1000 for found in outcomes)
    assert experiment.data()[0]["sha256"] == generate(0).sha256


@pytest.mark.parametrize("warm, cold, verdict", [
    ((0.30, 0.10, 0.32), (0.17, 0.30, 0.30), rules.HOLDS),
    ((0.30, 0.10, 0.305), (0.17, 0.30, 0.30), rules.IN_PART),       # warm by less than the margin
    ((0.30, 0.10, 0.32), (0.17, 0.30, 0.28), rules.IN_PART),        # cold well below content
    ((0.30, 0.10, 0.30), (0.17, 0.17, 0.17), rules.NOT)])
def test_the_rule(warm, cold, verdict):
    runs = [{"part": "recommendation", "seed": seed, "content": share, "model": model, "warm_ndcg": w, "cold_ndcg": c}
            for seed in (0, 1, 2) for share in (0.0, 0.25, 0.5)
            for model, w, c in zip(("collaborative", "content", "hybrid", "popularity"), (*warm, 0.2), (*cold, 0.1),
                                   strict=True)]
    assert combination({"runs": runs})[0] == verdict


def test_parts_are_frozen(parts):
    with pytest.raises(dataclasses.FrozenInstanceError):
        parts.warm = None
