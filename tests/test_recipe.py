import dataclasses
import functools
import math

import pytest
import torch

from labkit.settings import SettingError
from labkit.training import Recipe
from labkit.training.recipe import OPTIMIZERS, PRECISIONS, SCHEDULES


@pytest.mark.parametrize("field, values, allowed", [
    ("learning_rate", [0, -0.1, math.nan, math.inf, "0.1", True, None, 101], "a number above 0 and at most 100"),
    ("epsilon", [0, -1e-8, "small", 2], "a number above 0 and at most 1"),
    ("momentum", [1, -0.1, math.nan, True], "a number of at least 0 and below 1"),
    ("warmup", [1, -0.1, "none"], "a number of at least 0 and below 1"),
    ("label_smoothing", [1.0, -0.1, None], "a number of at least 0 and below 1"),
    ("weight_decay", [-1e-3, math.inf, "1e-4", False], "a number of at least 0 and at most 100"),
    ("l1", [-1e-3, math.nan], "a number of at least 0 and at most 100"),
    ("epochs", [0, 1.5, True, "3", None], "a whole number of at least 1"),
    ("batch_size", [0, -32, 32.0, True], "a whole number of at least 1"),
    ("steps", [0, 2.5, False], "a whole number of at least 1"),
    ("patience", [0, "2"], "a whole number of at least 1"),
    ("validate_every", [0, -1], "a whole number of at least 1"),
    ("seed", [-1, 0.5, True, None], "a whole number of at least 0"),
    ("optimizer", ["Adam", "lion", None, 3, ["adam"]], ", ".join(OPTIMIZERS)),
    ("schedule", ["linear", "", None], ", ".join(SCHEDULES)),
    ("precision", ["fp16", 16, None], ", ".join(PRECISIONS)),
    ("resolutions", [None, 24, [(0.5, 24)], ((0.5, 24.0),), ((0, 24),), ((1, 24),), ((0.5, 0),), ((0.5, 24), (0.5, 28)),
                     ((0.5,),), (("half", 24),), ((math.nan, 24),)],
     "pairs of a share of the steps, above 0, below 1 and rising, and a whole number of pixels"),
    ("hardest", [None, 0.5, [1.0, 0.5], (0,), (1.0, -0.5), (1.5,), ("half",), (True,), (math.nan,)],
     "numbers above 0 and at most 1, in brackets"),
    ("augmentation", ["flip", 3], "None, or a function of a batch of images"),
])
def test_a_wrong_value_is_refused_by_field_value_and_what_is_allowed(field, values, allowed):
    for value in values:
        with pytest.raises(SettingError) as caught:
            Recipe(**{field: value})
        assert str(caught.value).startswith(f"{field} = {value!r} cannot be used. Allowed: {allowed}."), caught.value


def test_the_ends_of_each_range_are_allowed():
    Recipe(learning_rate=100, epsilon=1, momentum=0, warmup=0, label_smoothing=0.999, weight_decay=100, l1=100,
           epochs=1, batch_size=1, steps=1, patience=1, validate_every=1, seed=2**63)
    Recipe(learning_rate=1e-12, weight_decay=0)


def test_a_recipe_is_frozen_and_has_no_positional_fields():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().learning_rate = 1
    with pytest.raises(TypeError):
        Recipe(3)


def test_total_steps():
    assert Recipe(epochs=10).total_steps(45_000) == 14_070      # 1,407 an epoch: the last batch is smaller
    assert Recipe(epochs=2, batch_size=5).total_steps(10) == 4
    assert Recipe(epochs=2, batch_size=5).total_steps(11) == 6
    assert Recipe(epochs=9, steps=7).total_steps(10) == 7
    assert Recipe(epochs=1, batch_size=5, hardest=(1, 0.5)).total_steps(20) == 4
    assert Recipe(epochs=4, batch_size=5, hardest=(1, 0.5)).total_steps(20) == 4 + 3 * 2
    assert Recipe(epochs=2, batch_size=5, hardest=(0.01,)).total_steps(20) == 2         # one example is the least


def rates(schedule, total=8, warmup=0.0):
    recipe = Recipe(learning_rate=2.0, schedule=schedule, warmup=warmup)
    return [recipe.learning_rate_at(step, total) for step in range(total)]


def test_schedules_at_every_step():
    def half_cosine(*shares):
        return [1 + math.cos(math.pi * share) for share in shares]
    assert rates("constant") == [2.0] * 8
    assert rates("step") == pytest.approx([2, 2, 2, 2, 0.2, 0.2, 0.02, 0.02])
    assert rates("cosine") == pytest.approx(half_cosine(0, 1/8, 2/8, 3/8, 4/8, 5/8, 6/8, 7/8))
    assert rates("one-cycle") == pytest.approx([1, 2, *half_cosine(0, 1/6, 2/6, 3/6, 4/6, 5/6)])
    assert rates("triangular") == pytest.approx([1, 2, 2, 10/6, 8/6, 1, 4/6, 2/6])
    assert rates("one-cycle", warmup=0.5) == pytest.approx([0.5, 1, 1.5, 2, *half_cosine(0, 1/4, 2/4, 3/4)])


def test_other_schedules_warm_up_too():
    assert rates("constant", warmup=0.5) == pytest.approx([0.5, 1, 1.5, 2, 2, 2, 2, 2])
    assert rates("cosine", warmup=0.25)[:3] == pytest.approx([1, 2, 2])
    assert rates("one-cycle", total=1) == [2.0]


@pytest.mark.parametrize("name, kind", [("sgd", torch.optim.SGD), ("momentum", torch.optim.SGD),
                                        ("rmsprop", torch.optim.RMSprop), ("adam", torch.optim.Adam),
                                        ("adamw", torch.optim.AdamW)])
def test_optimizers_are_torchs_own_with_the_recipes_numbers(name, kind):
    recipe = Recipe(optimizer=name, learning_rate=0.5, momentum=0.7, epsilon=1e-4, weight_decay=0.25)
    model = torch.nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    optimizer = recipe.make_optimizer(model, torch.device("cpu"))
    (group,) = optimizer.param_groups
    assert type(optimizer) is kind and group["params"] == [model.weight]
    assert group["lr"] == 0.5 and group["weight_decay"] == 0.25
    assert group.get("momentum", 0) == (0.7 if name == "momentum" else 0)
    assert group.get("eps", 1e-4) == 1e-4


def test_images_grow_when_the_recipe_says_so():
    recipe = Recipe(resolutions=((0.3, 16), (0.5, 24)))
    assert [recipe.resolution_at(step, 10) for step in range(10)] == [16] * 3 + [24] * 2 + [None] * 5
    assert recipe.as_dict()["resolutions"] == [[0.3, 16], [0.5, 24]] and Recipe().resolution_at(0, 10) is None


def test_muon_gets_the_recipes_numbers():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4, 2))
    optimizer = Recipe(optimizer="muon", learning_rate=0.5, momentum=0.7, weight_decay=0.25).make_optimizer(
        model, torch.device("cpu"))
    filters, others = optimizer.param_groups
    assert filters["params"] == [model[0].weight] and len(others["params"]) == 3 and others["momentum"] == 0.7
    assert all(group["lr"] == 0.5 and group["weight_decay"] == 0.25 for group in optimizer.param_groups)


def test_as_dict_is_the_same_text_in_another_process():
    def brighten(images):
        return images
    assert " at 0x" in repr(brighten)
    for augmentation in (brighten, functools.partial(brighten, 1)):
        values = Recipe(augmentation=augmentation).as_dict()
        assert "brighten" in values["augmentation"] and "0x" not in values["augmentation"]
    assert Recipe().as_dict()["augmentation"] is None
    assert set(Recipe().as_dict()) == {field.name for field in dataclasses.fields(Recipe)}
