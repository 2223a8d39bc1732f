"""Formulas are read, never executed; what they give, in time and under changes."""
import math

import pytest

from labkit.settings import SettingError
from labkit.venture.unit_economics import LONGEST, Model, break_even, edited, parse

INPUTS = {"price": 20, "cost": 5, "churn": 0.1, "arrivals": 10, "fixed": 600, "customers": 0, "cash": 0}
FORMULAS = {"result": "customers * margin - fixed", "margin": "price - cost", "lifetime_value": "margin / churn",
            "next_customers": "customers * (1 - churn) + arrivals", "next_cash": "cash + result"}
MODEL = Model(FORMULAS, INPUTS)


def one(text, **inputs):
    return Model({"x": text}, inputs).values()["x"]


def test_values_follow_the_formulas_in_the_order_of_need():
    values = MODEL.values()
    assert values["margin"] == 15 and values["lifetime_value"] == 150 and values["result"] == -600
    assert MODEL.order.index("margin") < MODEL.order.index("result") < MODEL.order.index("next_cash")
    assert MODEL.values(price=35)["margin"] == 30 and MODEL.values()["margin"] == 15


@pytest.mark.parametrize("text, value", [
    ("1 + 2 * 3 ** 2 - 4 / 8", 18.5), ("-a + +b", 1.0), ("min(a, b, 5)", 2), ("max(0, a - b)", 0), ("a < b < 4", 1),
    ("(a >= b) * 7", 0), ("1 / (a - 2)", math.inf), ("-1 / (a - 2)", -math.inf), ("1.5e3", 1500), (" a\n", 2)])
def test_expressions(text, value):
    assert one(text, a=2, b=3) == value


def test_nothing_divided_by_nothing_is_not_a_number():
    assert math.isnan(one("(a - a) / (a - a)", a=1))


@pytest.mark.parametrize("text, part", [
    ("__import__('os').system('true')", "__import__"), ("open('x')", "open"), ("a.real", "a.real"), ("a[0]", "a.0."),
    ("lambda: 1", "lambda"), ("'text'", "text"), ("a if a else 1", "a if a"), ("a and a", "a and a"),
    ("a // 2", "a // 2"), ("a % 2", "a % 2"), ("[a]", "a"), ("True", "True"), ("1j", "1j"), ("max(a)", "max"),
    ("max(*a)", "max"), ("min(a, 1, key=a)", "min"), ("(b := 2)", "b := 2"), ("not a", "not a"), ("a in a", "a in a"),
    ("f(a)(a)", "f"), ("a ** 2 + [x for x in a][0]", "x"), ("~a", "~a"), ("a << 2", "a << 2"), ("f'{a}'", "f'")])
def test_everything_else_is_refused_and_named(text, part):
    with pytest.raises(SettingError, match="x = .*Allowed: an expression of numbers.*Not this: ") as caught:
        one(text, a=1)
    assert part.split(".")[0] in str(caught.value).split("Not this:")[1]


@pytest.mark.parametrize("text", ["", "   ", "1 +", "a = 2", "import os", "a; a", "((", "(" * 250, "\0",
                                  "1" * (LONGEST + 1), None, 5])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(SettingError, match="x = .*cannot be used"):
        one(text, a=1)


@pytest.mark.parametrize("text", ["10 ** 10 ** 10", "(-1) ** 0.5", "0 ** -1", "1e308 ** 2", "(-2) ** 0.5 < 1"])
def test_a_value_that_is_no_real_number_is_refused_by_name(text):
    with pytest.raises(SettingError, match="x = .*a real number"):
        one(text)


def test_circles_unknown_names_and_names_given_twice_are_refused():
    with pytest.raises(SettingError, match="circle: (a → b → c → a|b → c → a → b|c → a → b → c)"):
        Model({"a": "b + 1", "b": "c", "c": "a"}, {})
    with pytest.raises(SettingError, match="circle: a → a"):
        Model({"a": "a + 1"}, {})
    with pytest.raises(SettingError, match="x = 'prise'.*Allowed: price, x. Nothing is called prise"):
        one("prise", price=1)
    with pytest.raises(SettingError, match="price = '2'.*no input"):
        Model({"price": "2"}, {"price": 1})
    with pytest.raises(SettingError, match="price = nan"):
        Model({}, {"price": math.nan})
    with pytest.raises(SettingError, match="name = 'min'"):
        Model({"min": "2"}, {})
    with pytest.raises(SettingError, match="input = 'prise'"):
        MODEL.values(prise=2)


def test_months_follow_each_other():
    path = MODEL.over_time(3)
    assert path["customers"] == [0, 10, 19, pytest.approx(27.1)]
    assert path["cash"] == [0, -600, -600 + 150 - 600, pytest.approx(-1050 + 19 * 15 - 600)]
    assert path["price"] == [20] * 4
    with pytest.raises(SettingError, match="months = 0"):
        MODEL.over_time(0)


def test_break_even_is_the_month_from_which_it_stays():
    path = MODEL.over_time(36)
    month = break_even(path, "result")
    assert path["result"][month] >= 0 > path["result"][month - 1]
    assert break_even({"x": [0, -1, 0, 1]}, "x") == 2 and break_even({"x": [0, 1]}, "x") == 0
    assert break_even({"x": [1, -1]}, "x") is None and break_even({"x": [math.nan]}, "x") is None
    with pytest.raises(SettingError, match="name = 'y'"):
        break_even({"x": [1]}, "y")


def test_sensitivity_is_sorted_and_leaves_out_what_has_no_effect():
    table = MODEL.sensitivity("lifetime_value", 0.2)
    assert list(table.index) == ["price", "churn", "cost"]
    assert table.loc["price"].tolist() == pytest.approx([-40, 40, 40])
    assert table.loc["churn", ["lower", "higher"]].tolist() == pytest.approx([37.5, -25])
    with pytest.raises(SettingError, match="target = 'luck'"):
        MODEL.sensitivity("luck")
    with pytest.raises(SettingError, match="lifetime_value = inf.*finite"):
        Model(FORMULAS, INPUTS | {"churn": 0}).sensitivity("lifetime_value")


def test_edges_move_each_input_the_better_way():
    gains = MODEL.edges("lifetime_value", {"scene": ["price"], "craft": ["cost", "churn"], "none": []}, 0.2)
    assert gains == {"scene": pytest.approx(40), "craft": pytest.approx(16 / 0.08 - 150), "none": 0}


def test_a_line_edits_one_formula():
    assert edited(FORMULAS, " ") == FORMULAS
    assert edited(FORMULAS, "margin = price - 2 * cost")["margin"] == "price - 2 * cost" and FORMULAS["margin"] != "2"
    assert "extra" in edited(FORMULAS, "extra=margin >= 2")
    for line in ("margin", "margin == 2", "margin = eval('1')", "2x = 1"):
        with pytest.raises(SettingError):
            edited(FORMULAS, line)
    assert parse("x", "a + b * a").needs == {"a", "b"}
