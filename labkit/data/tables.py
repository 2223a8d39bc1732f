"""Tables: loans, tumours and prices as data frames, each with its target column, licence and checksum."""
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from labkit.data.errors import DataError
from labkit.language import _
from labkit.settings import choose

GERMAN_CREDIT = Path(__file__).with_name("bundled") / "german-credit.csv"
GERMAN_CREDIT_SHA256 = "321ff0594e1f887ad6bf05dc51d34c616f1c32dca8c7cdb141434df295f67997"
NAMES = ("german-credit", "breast-cancer", "stocks")


@dataclass(frozen=True)
class Table:
    """A data frame with what a reader must know of it.

    `target` is the column to predict, whose values 0, 1, ... have the names `class_names`; None and () where a table
    has no such column. `sha256` is that of the file that was read.
    """
    name: str
    frame: object           # a pandas DataFrame, a fresh one at each call
    target: str | None
    licence: str
    source: str
    sha256: str
    note: str = ""
    class_names: tuple[str, ...] = ()


def table(name: str) -> Table:
    """The table `german-credit`, `breast-cancer` or `stocks`.

    `german-credit` (bundled) has 1,000 loans of a South German bank, 1973 to 1975, with 9 columns and `risk`: 0 bad, 1
    good. 300 are bad: bad ones were sampled far more often than they occur. Amounts are in Deutsche Mark, durations in
    months. Groemping's "South German Credit Data" (report 4/2019, Beuth University of Applied Sciences Berlin) corrects
    the code table that this file was made with: see `note`.
    `breast-cancer` (from scikit-learn) has 569 cases with 30 numbers each and `target`: 0 malignant, 1 benign.
    `stocks` (from plotly) has a `date` (a Timestamp) and the prices of six firms in 105 weeks of 2018 and 2019, each
    divided by its first; no column is a target.

    Raises `SettingError` for another name and `DataError` where a file is missing or damaged.
    """
    return {"german-credit": _german_credit, "breast-cancer": _breast_cancer,
            "stocks": _stocks}[choose("table", name, NAMES)]()


def status(name: str) -> tuple[str, str]:
    """State (`bundled`, `present` or `absent`) and a detail for people."""
    file = _file(name)
    if file is None or not file.is_file():
        return "absent", _("its package is not installed: run make again")
    return "bundled" if file == GERMAN_CREDIT else "present", _("{path}, {size:.1f} MB").format(
        path=file, size=file.stat().st_size / 1e6)


def _german_credit() -> Table:
    import pandas
    digest = _sha256("german-credit")
    if digest != GERMAN_CREDIT_SHA256:
        raise DataError(_("{file} has been changed (its SHA-256 is {digest}). Install labkit anew.").format(
            file=GERMAN_CREDIT, digest=digest))
    return Table("german-credit", pandas.read_csv(GERMAN_CREDIT), "risk", "DbCL 1.0",
                 "https://archive.ics.uci.edu/dataset/144/statlog+german+credit+data", digest,
                 _("column sex is miscoded (its code for female also holds single men) and must not be used; the "
                   "labels of checking_account and housing are in doubt too; bad loans are oversampled"),
                 ("bad", "good"))


def _breast_cancer() -> Table:
    from sklearn.datasets import load_breast_cancer
    cases = load_breast_cancer(as_frame=True)
    return Table("breast-cancer", cases.frame, "target", _("BSD (the package)"),
                 "https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic", _sha256("breast-cancer"),
                 _("569 cases of one hospital, measured on images of cells"), tuple(map(str, cases.target_names)))


def _stocks() -> Table:
    from plotly.data import stocks
    return Table("stocks", stocks(datetimes=True), None, _("MIT (the package)"),
                 "https://plotly.com/python-api-reference/generated/plotly.data.html", _sha256("stocks"),
                 _("six firms, picked when it was known that they had grown"))


def _file(name: str) -> Path | None:
    """Found without importing the package."""
    if name == "german-credit":
        return GERMAN_CREDIT
    package, path = {"breast-cancer": ("sklearn", "datasets/data/breast_cancer.csv"),
                     "stocks": ("plotly", "package_data/datasets/stocks.csv.gz")}[name]
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent / path if found and found.origin else None


def _sha256(name: str) -> str:
    file = _file(name)
    if file is None or not file.is_file():
        raise DataError(_("{name} is read from a package that is not installed. Run make again.").format(name=name))
    return hashlib.sha256(file.read_bytes()).hexdigest()
