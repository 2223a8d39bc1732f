"""Questions about a short passage, and where in it the answer stands: generated, so that the answer is known.

A passage tells of two people three things each; most questions name the one, while the sentence with the answer says
"she" or "it". Names are invented from syllables, and those in the test examples occur in no training example.
"""
import hashlib
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict
from labkit.language import _
from labkit.models.reader import SpanReader
from labkit.settings import refuse
from labkit.training import Recipe, Run

PASSAGE, QUESTION = 56, 14      # words that fit
LONGEST = 1000                  # characters of a text
BIRTHS = ("{who} was born in {home} in {birth} .", "In {birth} {who} was born in {home} .")
OPENINGS = ("{he} opened a {thing} in {place} in {year} .", "In {year} {he} opened a {thing} in {place} .",
            "Later {he} moved to {place} and opened a {thing} in {year} .")
SIZES = ("It employs {count} people .", "Today {count} people work there .", "It has {count} rooms .")
THINGS = ("bakery", "school", "hotel", "garage", "theatre", "clinic", "library", "cinema")
QUESTIONS = {       # what is asked: wordings in training, and others that only a test of new wordings uses
    "who": (("Who opened the {thing} ?", "Who was born in {home} ?", "Who opened a {thing} in {place} ?"),
            ("Who was born in {birth} ?", "Who opened a {thing} in {year} ?")),
    "home": (("Where was {name} born ?", "In which town was {name} born ?", "Where is {name} from ?"),
             ("{name} was born in which town ?", "Which town is {name} from ?")),
    "birth": (("When was {name} born ?", "In which year was {name} born ?", "What year was {name} born in ?"),
              ("{name} was born in which year ?", "What is the year in which {name} was born ?")),
    "place": (("Where did {name} open the {thing} ?", "Where is the {thing} of {name} ?",
               "In which town is the {thing} ?"),
              ("In which town did {name} open the {thing} ?", "Which town is the {thing} of {name} in ?")),
    "year": (("When did {name} open the {thing} ?", "When was the {thing} of {name} opened ?",
              "In which year did {name} open the {thing} ?"),
             ("What year was the {thing} opened in ?", "In which year was the {thing} of {name} opened ?")),
    "count": (("How many {unit} does the {thing} of {name} have ?", "How many {unit} are in the {thing} ?",
               "How many {unit} are there in the {thing} of {name} ?"),
              ("The {thing} of {name} has how many {unit} ?", "How many {unit} does the {thing} have ?"))}
SHAPES = ("<pad>", "<unk>", "<name>", "<year>", "<number>")     # what stands for words outside the vocabulary


@dataclass(frozen=True)
class Example:
    """A passage, a question and its answer, each as words with spaces between; `kind` is what is asked."""
    passage: str
    question: str
    answer: str
    kind: str


def words(text: str) -> list[str]:
    """Words and marks of `text`, in order."""
    return re.findall(r"\w+|[^\w\s]", text)


def _fixed(texts: Iterable[str]) -> set[str]:
    """The words of templates, in small letters, without what is filled in."""
    return {word for text in texts for word in words(re.sub(r"\{\w+\}", "", text).lower())}


_ASKED = _fixed(wording for known, new in QUESTIONS.values() for wording in (*known, *new))
PLAIN = _ASKED - {"born", "open", "opened"}     # words of questions that say nothing of where the answer stands
VOCABULARY = (*SHAPES, *sorted(_ASKED | _fixed((*BIRTHS, *OPENINGS, *SIZES, *THINGS, "he she rooms people"))))
_IDS = {word: number for number, word in enumerate(VOCABULARY) if number >= len(SHAPES)}


def shape(word: str) -> int:
    """The id of a word: its own, or that of its shape, a name, a year or a number."""
    if word.lower() in _IDS:
        return _IDS[word.lower()]
    if word.isdecimal():
        return SHAPES.index("<year>" if len(word) == 4 else "<number>")
    return SHAPES.index("<name>" if word[0].isupper() else "<unk>")


def encode(passage: list[str], question: list[str]) -> list[int]:
    """One row for the model. A word of the passage that the question holds too has an id of its own, its usual one
    plus the size of the vocabulary (the exact-match feature of Chen et al. 2017)."""
    asked = {word.lower() for word in question}
    row = [shape(word) + len(VOCABULARY) * (word.lower() in asked) for word in passage]
    return [*row, *[0] * (PASSAGE - len(row)), *map(shape, question), *[0] * (QUESTION - len(question))]


def _name(draw: random.Random, held_out: bool) -> str:
    """An invented name. The last syllables of held-out names end no other."""
    ends = ("ro", "lin", "ta", "ven") if held_out else ("na", "dor", "mi", "sel", "ka", "bur")
    parts = [draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _part in range(2)]
    return ("".join(parts) + draw.choice(ends)).capitalize()


def examples(count: int, seed: int = 0, held_out: bool = False, new_wordings: bool = False) -> list[Example]:
    """`count` examples; with names of the test, and with questions worded as in no training example, if so wanted."""
    draw, found = random.Random(f"{seed} {held_out} {new_wordings}"), []
    for _example in range(count):
        names = list({_name(draw, held_out): None for _name_of in range(16)})
        births, years, counts = (draw.sample(range(*limits), 2)
                                 for limits in ((1900, 1961), (1980, 2021), (2, 400)))
        facts = []
        for thing in draw.sample(THINGS, 2):
            name, *rest = (names.pop() for _part in range(4))
            unit = draw.choice(("people", "rooms"))
            facts.append({"name": name, "who": draw.choice((name, f"{name} {names.pop()}")), "thing": thing,
                          "home": rest[0], "place": draw.choice((rest[1], f"{rest[1]} {rest[2]}")), "unit": unit,
                          "birth": births.pop(), "year": years.pop(), "count": counts.pop(),
                          "he": draw.choice(("he", "she"))})
        told = []
        for fact in facts:
            size = draw.choice([text for text in SIZES if (fact["unit"] in text)])
            told += [text.format(**fact) for text in (draw.choice(BIRTHS), draw.choice(OPENINGS), size)]
        fact, kind = draw.choice(facts), draw.choice(tuple(QUESTIONS))
        question = draw.choice(QUESTIONS[kind][new_wordings]).format(**fact)
        passage = " ".join(sentence[0].upper() + sentence[1:] for sentence in told)
        found.append(Example(passage, question[0].upper() + question[1:], str(fact[kind]), kind))
    return found


def rows(found: Iterable[Example]) -> Split:
    """Inputs (N, 70) int64, see `encode`, and targets (N, 2): the places of the answer's first and last word."""
    inputs, targets = [], []
    for example in found:
        passage, answer = words(example.passage), words(example.answer)
        start = next(place for place in range(len(passage)) if passage[place:place + len(answer)] == answer)
        inputs.append(encode(passage, words(example.question)))
        targets.append((start, start + len(answer) - 1))
    return Split(torch.tensor(inputs), torch.tensor(targets))


def dataset(train: int, test: int, seed: int = 0) -> Dataset:
    """Generated examples; validation and test have `test` each, with names that training never saw."""
    held_out = examples(2 * test, seed, held_out=True)
    splits = [rows(part) for part in (examples(train, seed), held_out[:test], held_out[test:])]
    digest = hashlib.sha256(b"".join(part.inputs.numpy().tobytes() for part in splits)).hexdigest()
    return Dataset("passages", *splits, tuple(map(str, range(PASSAGE))), "made here", "labkit.applications.passages",
                   digest, _("generated"))


def model(width: int = 32) -> SpanReader:
    """The network for these sets."""
    return SpanReader(2 * len(VOCABULARY), width, PASSAGE)


def training(data: Dataset, steps: int, seed: int = 0, threads: int | None = None) -> Run:
    """The run, not yet begun, that trains a network on `data`."""
    recipe = Recipe(steps=steps, batch_size=32, learning_rate=8e-3, schedule="one-cycle", validate_every=steps,
                    seed=seed)
    return Run(model, data, recipe, "cpu", threads=threads)


def spans(network: SpanReader, inputs: torch.Tensor, longest: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest span of at most `longest` words for each row: (start, end) (N, 2), and its probability (N,)."""
    start, end = predict(network, inputs).log_softmax(2).unbind(1)
    length = start.shape[1]
    allowed = torch.ones(length, length, dtype=torch.bool).triu().tril(longest - 1)
    both = (start[:, :, None] + end[:, None]).masked_fill(~allowed, -float("inf")).flatten(1)
    score, place = both.max(1)
    return torch.stack([place // length, place % length], 1), score.exp()


def exact_match(network: SpanReader, split: Split) -> float:
    """The share of the questions whose span is right at both ends."""
    return float((spans(network, split.inputs)[0] == split.targets).all(1).float().mean())


def by_overlap(passage: str, question: str) -> str | None:
    """The baseline: of all spans that look like what is asked for, the one nearest to the question's words.

    "Who" asks for a name, "where" and "town" for a name after "in" or "to", "when" and "year" for four digits, "how
    many" for another number. Each other word of the question adds one over its distance from the span (to the nearest
    occurrence) and over the number of its occurrences, so that rare words count more: the distance-weighted overlap
    of Richardson et al. (2013) for spans. None where nothing fits.
    """
    told, asked = words(passage), {word.lower() for word in words(question)}
    wanted = "<number>" if "many" in asked else "<year>" if asked & {"when", "year"} else "<name>"
    shapes, candidates = [VOCABULARY[shape(word)] for word in told], []
    for place, word in enumerate(told):
        if shapes[place] != wanted or word.lower() in asked:
            continue
        if candidates and candidates[-1][-1] == place - 1:      # names of several words
            candidates[-1].append(place)
        else:
            candidates.append([place])
    if wanted == "<name>":
        town = bool(asked & {"where", "town"})
        candidates = [span for span in candidates if (shapes[span[0] - 1:span[0]] in (["in"], ["to"])) == town]
    clues = [[place for place, word in enumerate(told) if word.lower() == clue] for clue in sorted(asked - PLAIN)]

    def score(span: list[int]) -> float:
        return sum(1 / min(abs(one - other) for one in span for other in places) / len(places)
                   for places in clues if places)
    best = max(candidates, key=score, default=None)
    return None if best is None else " ".join(told[place] for place in best)


def overlap_match(found: list[Example]) -> float:
    """The share of the examples that `by_overlap` answers exactly."""
    return sum(by_overlap(example.passage, example.question) == example.answer for example in found) / len(found)


def compare(network: SpanReader, count: int, seed: int = 0):
    """A data frame of exact match on `count` questions with unseen names: a row each for the wordings of training and
    for new ones, a column for each of the two ways to answer."""
    import pandas
    asked = {"wordings of training": examples(count, seed, True), "new wordings": examples(count, seed, True, True)}
    return pandas.DataFrame({name: {"overlap": overlap_match(found), "network": exact_match(network, rows(found))}
                             for name, found in asked.items()}).T


@dataclass(frozen=True)
class Answer:
    """What `answer` gives: words of the passage, the probability of the span, and the passage with it in brackets."""
    text: str
    probability: float
    shown: str


def answer(passage: str, question: str, network: SpanReader) -> Answer:
    """The answer to one question, in words of the passage. It always gives one, also where the passage holds none.

    Raises `SettingError` for a text that is empty or too long.
    """
    parts = {}
    for field, text, most in (("passage", passage, PASSAGE), ("question", question, QUESTION)):
        if isinstance(text, str) and len(text) > LONGEST:
            raise refuse(field, _("{count} characters").format(count=len(text)),
                         _("at most {longest} characters").format(longest=LONGEST))
        parts[field] = words(text) if isinstance(text, str) else []
        if not parts[field]:
            raise refuse(field, text, _("a text with at least one word"))
        if len(parts[field]) > most:
            raise refuse(field, _("{count} words").format(count=len(parts[field])),
                         _("at most {most} words and marks").format(most=most))
    span, probability = spans(network, torch.tensor([encode(**parts)]))
    start, end = span[0].tolist()
    before, text, after = (" ".join(parts["passage"][slice(*limits)])
                           for limits in ((0, start), (start, end + 1), (end + 1, None)))
    return Answer(text, float(probability[0]), f"{before} 【{text}】 {after}".strip())
