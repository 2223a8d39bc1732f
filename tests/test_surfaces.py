"""The surface with paths on it."""
import numpy as np
import pytest

from labkit.figures import surface
from labkit.settings import SettingError

XS, YS = np.linspace(-2, 2, 5), np.linspace(0, 3, 4)
HEIGHTS = XS[None, :] ** 2 + YS[:, None]


def test_a_path_lies_just_above_the_surface_and_ends_where_it_leaves_the_grid():
    figure = surface(XS, YS, HEIGHTS, {"SGD": ([-1, 0, 3, 0], [1, 1, 1, 1], [2, 1, 10, 1])}, x="w", y="b", z="loss")
    ground, path = figure.data
    assert ground.z.shape == (4, 5) and ground.z[3][0] == 7
    assert list(path.x) == [-1, 0] and path.name == "SGD"
    assert np.all((np.array(path.z) > [2, 1]) & (np.array(path.z) < [2.2, 1.2]))
    assert figure.layout.scene.zaxis.title.text == "loss"


def test_heights_are_rows_of_y_and_columns_of_x():
    with pytest.raises(SettingError, match=r"heights.shape = \(5, 4\)"):
        surface(XS, YS, HEIGHTS.T)
