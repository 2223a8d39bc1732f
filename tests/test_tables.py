import dataclasses
import hashlib

import pytest

from labkit.data import DataError, registry, status, table, tables
from labkit.settings import SettingError


def test_german_credit_is_whole_and_says_what_is_wrong_with_it():
    loans = table("german-credit")
    assert loans.frame.shape == (1000, 10) and loans.target == "risk" and loans.class_names == ("bad", "good")
    assert loans.frame["risk"].value_counts().to_dict() == {1: 700, 0: 300} and not loans.frame.isna().any(axis=None)
    assert "sex is miscoded" in loans.note and loans.licence == "DbCL 1.0"
    assert loans.sha256 == hashlib.sha256(tables.GERMAN_CREDIT.read_bytes()).hexdigest()
    assert "Database Contents License" in (registry.BUNDLED / "german-credit-LICENCE.txt").read_text()
    with pytest.raises(dataclasses.FrozenInstanceError):
        loans.name = "other"


def test_a_table_that_a_reader_changes_is_whole_at_the_next_call():
    del table("german-credit").frame["risk"]
    assert "risk" in table("german-credit").frame


def test_breast_cancer_names_its_classes_in_the_order_of_their_values():
    cases = table("breast-cancer")
    assert cases.frame.shape == (569, 31) and cases.class_names == ("malignant", "benign")
    assert cases.frame[cases.target].value_counts().to_dict() == {1: 357, 0: 212}


def test_prices_are_weekly_in_order_and_start_at_one():
    prices = table("stocks")
    assert prices.frame.shape == (105, 7) and prices.target is None and prices.class_names == ()
    assert set(prices.frame["date"].diff().dropna().dt.days) == {7}
    assert (prices.frame.drop(columns="date").iloc[0] == 1).all()


def test_a_changed_file_and_an_unknown_name_are_refused(tmp_path, monkeypatch):
    changed = tmp_path / "german-credit.csv"
    changed.write_bytes(tables.GERMAN_CREDIT.read_bytes() + b"1,male,2,own,rich,rich,1,1,car,30\n")
    monkeypatch.setattr(tables, "GERMAN_CREDIT", changed)
    with pytest.raises(DataError, match="has been changed"):
        table("german-credit")
    with pytest.raises(SettingError, match="table = 'iris'.*german-credit"):
        table("iris")


def test_status_lists_the_tables():
    states = {name: state for name, state, _detail in status()}
    assert [states[name] for name in tables.NAMES] == ["bundled", "present", "present"]
