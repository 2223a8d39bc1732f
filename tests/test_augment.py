import numpy as np
import pytest
import torch

from labkit.augment import LARGEST, OPERATIONS, Augmentation
from labkit.settings import SettingError

SOME = {"flip": 0.5, "rotate": 20, "scale": 0.2, "crop": 4, "colour": 0.5, "noise": 0.1, "cutout": 0.5}


@pytest.fixture
def images():
    return torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_everything_off_is_the_identity(images):
    assert torch.equal(Augmentation()(images), images)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_operation_changes_images_and_keeps_their_form(images, name, channels):
    before = images[:, :channels].double()
    copy = before.clone()
    after = Augmentation(**{name: SOME[name]})(before)
    assert after.shape == before.shape and after.dtype == before.dtype
    assert not torch.equal(after, before) and torch.equal(before, copy)
    assert after.min() >= 0 and after.max() <= 1


def test_flip_mirrors_left_to_right(images):
    assert torch.equal(Augmentation(flip=1)(images), images.flip(-1))
    flipped = (Augmentation(flip=0.25).apply(images.repeat(50, 1, 1, 1), 0) != images.repeat(50, 1, 1, 1))
    assert flipped.flatten(1).any(1).float().mean() == pytest.approx(0.25, abs=0.03)


def test_crop_shifts_by_whole_pixels_and_fills_with_black(images):
    shifts = set()
    for before, after in zip(images, Augmentation(crop=2).apply(images, 0), strict=True):
        padded = torch.nn.functional.pad(before, [2] * 4)
        found = [(y, x) for y in range(5) for x in range(5)
                 if torch.equal(padded[:, y:y + 32, x:x + 32], after)]
        assert len(found) == 1
        shifts.update(found)
    assert len(shifts) > 15         # of 25


def test_rotation_leaves_a_centred_disc_but_turns_a_bar():
    row, column = torch.meshgrid(torch.arange(33.) - 16, torch.arange(33.) - 16, indexing="ij")
    disc = ((row**2 + column**2).sqrt() < 10).float().expand(16, 1, 33, 33)
    bar = ((row.abs() < 2) & (column.abs() < 12)).float().expand(16, 1, 33, 33)
    turn = Augmentation(rotate=90)
    assert (turn.apply(disc, 0) - disc).abs().mean() < 0.02
    assert (turn.apply(bar, 0) - bar).abs().mean() > 0.04
    assert turn.apply(bar, 0).sum().item() == pytest.approx(bar.sum().item(), rel=0.02)


def test_scale_changes_the_area_within_its_range():
    square = torch.zeros(200, 1, 33, 33)
    square[:, :, 12:21, 12:21] = 1
    zoom = (Augmentation(scale=0.5).apply(square, 0).sum((1, 2, 3)) / 81).sqrt()
    assert zoom.min() > 0.45 and zoom.max() < 1.55 and zoom.std() > 0.2


def test_colour_keeps_a_grey_picture_grey_and_moves_its_mean():
    grey = torch.linspace(0.2, 0.8, 32).expand(16, 3, 32, 32)
    after = Augmentation(colour=0.3).apply(grey, 0)
    assert torch.allclose(after[:, 0], after[:, 1], atol=1e-5)
    assert after.mean((1, 2, 3)).std() > 0.03
    # A uniform grey picture has no contrast and no saturation, so only its brightness can move.
    mean = Augmentation(colour=0.3).apply(torch.full((500, 3, 4, 4), 0.5), 0).mean((1, 2, 3)) / 0.5
    assert 0.7 <= mean.min() < 0.75 and 1.25 < mean.max() <= 1.3


def test_noise_has_the_standard_deviation_asked_for(images):
    grey = torch.full_like(images, 0.5)
    assert (Augmentation(noise=0.1)(grey) - grey).std().item() == pytest.approx(0.1, rel=0.03)


def test_cutout_blackens_one_square_of_that_side():
    white = torch.ones(5000, 1, 32, 32)
    black = Augmentation(cutout=0.25).apply(white, 0) == 0
    assert (black.sum((2, 3)) == 8 * 8).all()
    assert (black.any(3).sum(2) == 8).all() and (black.any(2).sum(2) == 8).all()
    assert black.any(0).all()       # every pixel can be hit, corners too


def test_same_seed_same_images_and_another_seed_others(images):
    augment = Augmentation(**SOME)
    torch.manual_seed(7)
    first, state = augment(images), torch.get_rng_state()
    torch.manual_seed(7)
    assert torch.equal(augment(images), first)
    assert not torch.equal(augment(images), first)
    torch.manual_seed(7)
    Augmentation()(images)          # the generator goes on alike, whatever is on
    assert torch.equal(torch.get_rng_state(), state)


def test_apply_leaves_the_global_generator_alone(images):
    before = torch.get_rng_state()
    Augmentation(**SOME).apply(images, 3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("other", OPERATIONS)
def test_turning_one_operation_on_does_not_change_what_the_others_drew(images, other):
    """The smallest setting of one operation next to all others on: the pictures stay nearly the same."""
    rest = {name: value for name, value in SOME.items() if name != other}
    tiny = {other: 1e-6 if other != "cutout" else 1 / 32}       # cutout's smallest square is one pixel
    without = Augmentation(**rest).apply(images, 5)
    if other == "crop":             # its smallest shift is a pixel, so compare the operations after it
        ones = torch.ones_like(images)
        black = [Augmentation(cutout=0.5, **extra).apply(ones, 5)[:, :, 2:-2, 2:-2] == 0
                 for extra in ({}, {"crop": 1})]
        assert torch.equal(*black)
    else:
        assert (Augmentation(**rest, **tiny).apply(images, 5) - without).abs().mean() < 0.002


def test_a_larger_setting_moves_the_same_draw_further():
    spot = torch.zeros(50, 1, 33, 33)
    spot[:, :, 16, 16] = 1
    near, far = (Augmentation(crop=size).apply(spot, 0).flatten(1).argmax(1) for size in (2, 8))
    for place, further in zip(near.tolist(), far.tolist(), strict=True):
        for a, b in zip(divmod(place, 33), divmod(further, 33), strict=True):
            assert (a - 16) * (b - 16) >= 0 and abs(a - 16) <= abs(b - 16)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "0.1", None, True, 1000])
def test_wrong_values_are_refused_by_name(name, value):
    with pytest.raises(SettingError, match=f"^{name} = .*Allowed: .* from 0 to {LARGEST[name]}"):
        Augmentation(**{name: value})


def test_half_a_pixel_is_refused():
    with pytest.raises(SettingError, match="crop = 2.5 .*whole number"):
        Augmentation(crop=2.5)


@pytest.mark.parametrize("wrong", [torch.zeros(3, 32, 32), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)])
def test_other_shapes_and_integers_are_refused(wrong):
    with pytest.raises(SettingError, match="images"):
        Augmentation(flip=0.5)(wrong)


def test_it_is_shown_as_the_code_that_makes_it():
    assert repr(Augmentation()) == "Augmentation()"
    assert repr(Augmentation(flip=0.5, crop=4)) == "Augmentation(flip=0.5, crop=4)"
    assert repr(Augmentation(noise=np.float64(0.1), crop=np.int64(3))) == "Augmentation(crop=3, noise=0.1)"
    full = Augmentation(**SOME)
    assert eval(repr(full)) == full and hash(full) == hash(eval(repr(full)))
