"""From throughput and price to money."""
import pytest

from labkit import economics
from labkit.settings import SettingError


def test_costs_by_hand():
    cost = economics.training_cost(45_000, 10, 1_250, 3.0)      # 360 seconds
    assert cost.hours == pytest.approx(0.1) and cost.money == pytest.approx(0.3)
    cost = economics.prediction_cost(economics.MILLION, 1_000, 3.6)
    assert cost.hours == pytest.approx(1 / 3.6) and cost.money == pytest.approx(1.0)
    assert economics.prediction_cost(10, 1, 0).money == 0


def test_the_table_names_its_rows_and_its_currency():
    table = economics.cost_table(economics.training_cost(3_600, 1, 1, 2), economics.prediction_cost(7_200, 1, 2),
                                 "CNY")
    assert table.index.tolist() == ["one training run", "a million predictions"]
    assert table["hours"].tolist() == [1, 2] and table["cost in CNY"].tolist() == [2, 4]


@pytest.mark.parametrize("field", ["images", "epochs", "images_per_second", "price_per_hour"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "3", None, True])
def test_wrong_values_are_refused_by_name(field, value):
    right = {"images": 100, "epochs": 1, "images_per_second": 10, "price_per_hour": 1}
    with pytest.raises(SettingError, match=field):
        economics.training_cost(**{**right, field: value})


@pytest.mark.parametrize("count, speed", [(0, 1), (1, 0)])
def test_nothing_to_predict_and_no_speed_are_refused(count, speed):
    with pytest.raises(SettingError, match="above 0"):
        economics.prediction_cost(count, speed, 1)
