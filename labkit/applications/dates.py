"""Dates as people write them, in English and Chinese, and what they mean in ISO form: translation in miniature.

The texts are generated, so what each means is known. Only forms with one reading are made: 03/04/2021 is none.
"""
import datetime
import functools
import hashlib
import random
import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from labkit.data.dataset import Dataset, Split
from labkit.device import device_of, eval_mode
from labkit.language import _
from labkit.models.translator import Translator
from labkit.settings import refuse
from labkit.tokenise import PADDING, CharacterTokenizer
from labkit.training import Recipe, Run

FORMS = ("{day} {Month} {year}", "{Month} {day}, {year}", "{Mon} {day}, {year}", "{day}{th} of {Month} {year}",
         "{weekday}, {day} {Month} {year}", "{day:02}-{Mon}-{year}", "{year}/{month}/{day}",
         "{year}.{month:02}.{day:02}", "{year}{month:02}{day:02}", "{ordinal} of {Month} {year}",
         "{Month} {ordinal}, {year}", "{year}年{month}月{day}日", "{year}年{month}月{day}号 星期{han_weekday}",
         "{han_year}年{han_month}月{han_day}日")
TYPOS = 0.1                     # share of the texts in which two neighbouring letters of a long word are exchanged
FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
LONGEST = 32                    # characters of a text
OUTPUT = "0123456789-"          # the tokens of an answer; the number after them stands for its start
LENGTH = 10                     # of an answer

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
             "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
             "nineteenth", "twentieth")
ORDINALS = (*_ORDINALS, *(f"twenty-{word}" for word in _ORDINALS[:9]), "thirtieth", "thirty-first")
HAN = "〇一二三四五六七八九"


def _han(number: int) -> str:
    """A number from 1 to 99 in Chinese: 二十三."""
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else HAN[tens]) + ("十" if tens else "") + (HAN[ones] if ones else "")


def write(day: datetime.date, form: str) -> str:
    """`day` in one of `FORMS`."""
    last = day.day % 10 if day.day // 10 != 1 else 0
    return form.format(day=day.day, month=day.month, year=day.year, Month=MONTHS[day.month - 1],
                       Mon=MONTHS[day.month - 1][:3], th={1: "st", 2: "nd", 3: "rd"}.get(last, "th"),
                       weekday=WEEKDAYS[day.weekday()], ordinal=ORDINALS[day.day - 1],
                       han_year="".join(HAN[int(digit)] for digit in str(day.year)), han_month=_han(day.month),
                       han_day=_han(day.day), han_weekday="一二三四五六日"[day.weekday()])


def mistype(text: str, draw: random.Random) -> str:
    """`text` with two neighbouring letters exchanged in one word of five letters or more, if it has one."""
    words = [match.span() for match in re.finditer("[A-Za-z]{5,}", text)]
    if not words:
        return text
    start, end = draw.choice(words)
    place = draw.randrange(start + 1, end - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2:]


@functools.cache
def tokenizer() -> CharacterTokenizer:
    """A token for each character that a form can hold, all letters small."""
    words = "".join((*FORMS, *MONTHS, *WEEKDAYS, *ORDINALS, HAN, "十一二三四五六日0123456789stndrdth"))
    return CharacterTokenizer(re.sub(r"[{}:_]", "", words).lower())


def dataset(train: int, test: int, seed: int = 0) -> Dataset:
    """`train` written dates, and `test` each for validation and test, of other days than those in training.

    Inputs (N, 42): 32 characters of the text, padded, then a start token and the first nine of the answer. Targets
    (N, 10): the answer, so that each of its characters is to be named from the text and those before it.
    """
    draw, tokens = random.Random(seed), tokenizer()
    days = list(range((LAST - FIRST).days + 1))
    draw.shuffle(days)
    tenth, splits = len(days) // 10, []
    for known, count in ((days[2 * tenth:], train), (days[:tenth], test), (days[tenth:2 * tenth], test)):
        inputs, targets = torch.full((count, LONGEST + LENGTH), PADDING), torch.empty(count, LENGTH, dtype=torch.int64)
        for row in range(count):
            day = FIRST + datetime.timedelta(draw.choice(known))
            text = write(day, draw.choice(FORMS))
            ids = tokens.encode((mistype(text, draw) if draw.random() < TYPOS else text).lower())
            inputs[row, :len(ids)] = torch.tensor(ids)
            targets[row] = torch.tensor([OUTPUT.index(character) for character in day.isoformat()])
        inputs[:, LONGEST] = len(OUTPUT)
        inputs[:, LONGEST + 1:] = targets[:, :-1]
        splits.append(Split(inputs, targets))
    digest = hashlib.sha256(b"".join(part.inputs.numpy().tobytes() for part in splits)).hexdigest()
    return Dataset("dates", *splits, tuple(OUTPUT), "made here", "labkit.applications.dates", digest, _("generated"),
                   tokens)


def pairs(data: Dataset, split: Split) -> list[tuple[str, str]]:
    """Each example as (text in small letters, ISO form)."""
    return [(data.tokenizer.decode(row[:LONGEST]), "".join(OUTPUT[token] for token in target))
            for row, target in zip(split.inputs.tolist(), split.targets.tolist(), strict=True)]


def model(width: int = 32) -> Translator:
    """The network for these sets."""
    return Translator(len(tokenizer()), len(OUTPUT), width, LONGEST, LENGTH)


def training(data: Dataset, steps: int, seed: int = 0, threads: int | None = None) -> Run:
    """The run, not yet begun, that trains a network on `data`."""
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=8e-3, schedule="one-cycle", validate_every=steps,
                    seed=seed)
    return Run(model, data, recipe, "cpu", threads=threads)


def by_rule(text: str) -> str | None:
    """The baseline: the parser of pandas, and one rule for Chinese with digits; None where neither reads it."""
    import pandas
    found = re.match(r"(\d{4})年(\d{1,2})月(\d{1,2})", text)
    try:
        if found:
            return datetime.date(*map(int, found.groups())).isoformat()
        found = pandas.Timestamp(text)
        return None if found is pandas.NaT else found.date().isoformat()
    except (ValueError, NotImplementedError):       # the second for years before the first
        return None


def greedy(network: Translator, texts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Answer texts (N, 32) a token at a time, each the likeliest after those before it.

    Returns the tokens (N, 10), the probability of each, and the attention weights (N, 10, 32).
    """
    device = device_of(network)
    said = torch.full((len(texts), 1), len(OUTPUT), device=device)
    with eval_mode(network), torch.inference_mode():
        memory, hidden = network.encode(texts.to(device))
        for _step in range(LENGTH):
            logits, weights = network.decode(memory, hidden, said)
            said = torch.cat([said, logits[:, -1:].argmax(2)], 1)
    return said[:, 1:].cpu(), logits.softmax(2).amax(2).cpu(), weights.cpu()


def answers(network: Translator, split: Split) -> list[str]:
    """The ISO form that the network gives for each text of `split`."""
    found = greedy(network, split.inputs[:, :LONGEST])[0]
    return ["".join(OUTPUT[token] for token in row) for row in found.tolist()]


def exact_match(found: list[str | None], truth: list[str]) -> float:
    """The share of the answers that are right in every character; None is no answer."""
    return sum(one == other for one, other in zip(found, truth, strict=True)) / len(truth)


def compare(network: Translator, data: Dataset):
    """A data frame of the shares of test texts that are exact and that get no answer, a row each for the rule, the
    network, and the rule with the network for what it leaves."""
    import pandas
    texts, truth = zip(*pairs(data, data.test), strict=True)
    found = {"rule": [by_rule(text) for text in texts], "network": answers(network, data.test)}
    found["rule, then network"] = [one or other for one, other in zip(*found.values(), strict=True)]
    return pandas.DataFrame({name: {"exact match": exact_match(given, truth),
                                    "no answer": given.count(None) / len(truth)}
                             for name, given in found.items()}).T


@dataclass(frozen=True)
class Translation:
    """What `translate` answers: the ISO form, the probability that the model gives it, whether there is such a day,
    and how much each character of the answer looked at each of the text, (10, characters)."""
    iso: str
    probability: float
    exists: bool
    weights: torch.Tensor


def translate(text: str, network: Translator) -> Translation:
    """The answer for one text. Raises `SettingError` for one that is empty, longer than 32 characters, or holds
    characters that no training text had."""
    if not isinstance(text, str) or not text.strip():
        raise refuse("text", text, _("a date in words or numbers"))
    text = text.strip().lower()
    if len(text) > LONGEST:
        raise refuse("text", _("{count} characters").format(count=len(text)),
                     _("at most {longest} characters").format(longest=LONGEST))
    tokens = tokenizer()
    unknown = sorted(set(text) - set(tokens.vocabulary[2:]))
    if unknown:
        raise refuse("text", text, _("characters that occurred in training"),
                     _("Unknown: {characters}.").format(characters=" ".join(unknown[:10])))
    row = torch.tensor([tokens.encode(text) + [PADDING] * (LONGEST - len(text))])
    answer, probabilities, weights = greedy(network, row)
    iso = "".join(OUTPUT[token] for token in answer[0])
    try:
        exists = bool(datetime.date.fromisoformat(iso))
    except ValueError:
        exists = False
    return Translation(iso, float(probabilities.prod()), exists, weights[0, :, :len(text)])


def alignment(text: str, found: Translation):
    """A panel: a row for each character of the answer, a column for each of the text, blue where the one looked at the
    other."""
    from labkit.widgets import panels
    marks = [(x, 0, one) for x, one in enumerate(text.strip(), 1)] + [(0, y, one) for y, one in enumerate(found.iso, 1)]
    return panels.image(F.pad(found.weights, (1, 0, 1, 0)), colours="blue", low=0, high=1, marks=marks,
                        title=_("which character looks at which"))
