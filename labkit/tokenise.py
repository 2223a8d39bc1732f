"""Text to numbers and back: by character, by word, and by byte-pair encoding, trained on the spot.

Every tokeniser has `encode(text) -> list[int]`, `decode(ids) -> str`, `tokens(text) -> list[str]` (the pieces, as the
vocabulary names them), `vocabulary` (a tuple, the token of each id) and `len()`. The first two tokens are the same in
all: id 0 is padding, which decodes to nothing, and id 1 stands for whatever the vocabulary does not hold.
"""
import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from labkit.language import _
from labkit.settings import refuse

PADDING, UNKNOWN = 0, 1         # ids
SPECIAL = ("<pad>", "<unk>")
MISSING = "\ufffd"              # what an unknown token decodes to: Unicode's replacement character

# A word with the space before it, a run of punctuation likewise, or white space. No piece of text is left out, so
# that joining the pieces gives the text again. Chinese has no spaces: what stands between two commas is one "word".
_PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+")


class _Tokeniser:
    def __init__(self, tokens: Iterable[str]):
        self.vocabulary: tuple[str, ...] = (*SPECIAL, *tokens)
        self._ids = {token: number for number, token in enumerate(self.vocabulary[2:], start=2)}

    def __len__(self) -> int:
        return len(self.vocabulary)

    def _split(self, text: str) -> Iterable[str]:
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """The id of each token of `text`; 1 for one that is not in the vocabulary."""
        return [self._ids.get(piece, UNKNOWN) for piece in self._split(text)]

    def tokens(self, text: str) -> list[str]:
        """The tokens of `text` by name; `<unk>` for one that is not in the vocabulary."""
        return [self.vocabulary[number] for number in self.encode(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` (a list or a 1-D tensor): padding is left out, the unknown token becomes U+FFFD."""
        shown = ("", MISSING, *self.vocabulary[2:])
        return "".join(shown[int(number)] for number in ids)


class CharacterTokenizer(_Tokeniser):
    """One token for each character that occurs in `text`, in the order of their code points."""

    def __init__(self, text: str):
        super().__init__(sorted(set(text)))

    def _split(self, text: str) -> Iterable[str]:
        return text


class WordTokenizer(_Tokeniser):
    """One token for each word of `text`, the most frequent first; a word takes the space before it along.

    `size` bounds the vocabulary, the two special tokens included; None keeps every word.
    """

    def __init__(self, text: str, size: int | None = None):
        if size is not None:
            _whole("size", size, len(SPECIAL) + 1)
        counts = Counter(_PIECES.findall(text))
        words = sorted(counts, key=lambda word: (-counts[word], word))
        super().__init__(words if size is None else words[:size - len(SPECIAL)])

    def _split(self, text: str) -> Iterable[str]:
        return _PIECES.findall(text)


class BytePairTokenizer(_Tokeniser):
    """Byte-pair encoding on characters (Sennrich et al. 2016): the most frequent pair becomes a token, again and again.

    Training on `text` makes at most `merges` new tokens; it stops where no pair occurs twice. Merges stay inside a
    word, and a word takes the space before it along. Of pairs that are equally frequent, the first by code point is
    merged. `merges` is the list of pairs, in the order in which they were merged.
    """

    def __init__(self, text: str, merges: int = 200):
        _whole("merges", merges, 0)
        self.merges = _train(Counter(_PIECES.findall(text)), merges)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._known: dict[str, list[str]] = {}      # each word is merged once
        joined = dict.fromkeys(left + right for left, right in self.merges)     # two merges may spell the same token
        super().__init__([*sorted(set(text)), *joined])

    def _split(self, text: str) -> Iterable[str]:
        for word in _PIECES.findall(text):
            if word not in self._known:
                self._known[word] = self._merge(list(word))
            yield from self._known[word]

    def _merge(self, parts: list[str]) -> list[str]:
        while len(parts) > 1:
            pair = min(zip(parts, parts[1:], strict=False), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if pair not in self._ranks:
                break
            parts = _join(parts, pair)
        return parts


def _train(words: Counter, merges: int) -> list[tuple[str, str]]:
    """The pairs to merge. Counts are kept up to date by the words that a merge changes, never counted anew."""
    parts = [(list(word), count) for word, count in words.items()]
    counts: Counter = Counter()
    places = defaultdict(set)               # pair -> the words that hold it, or once did
    for place, (word, count) in enumerate(parts):
        for pair in zip(word, word[1:], strict=False):
            counts[pair] += count
            places[pair].add(place)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    found: dict[tuple[str, str], None] = {}     # in order; two merges can spell one token, so a pair may come up again
    while heap and len(found) < merges:
        negative, pair = heapq.heappop(heap)
        if -negative != counts[pair]:       # out of date: the present count has an entry of its own
            continue
        if counts[pair] < 2:
            break
        found[pair] = None
        changes: Counter = Counter()
        for place in places.pop(pair):
            before, count = parts[place]
            after = _join(before, pair)
            parts[place] = (after, count)
            for sign, word in ((-count, before), (count, after)):
                for neighbours in zip(word, word[1:], strict=False):
                    changes[neighbours] += sign
            for neighbours in zip(after, after[1:], strict=False):
                places[neighbours].add(place)
        for neighbours, change in changes.items():
            counts[neighbours] += change
            if change and neighbours != pair:
                heapq.heappush(heap, (-counts[neighbours], neighbours))
    return list(found)


def _join(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """`parts` with each `pair`, from the left, made one."""
    joined, place = [], 0
    while place < len(parts):
        if place + 1 < len(parts) and (parts[place], parts[place + 1]) == pair:
            joined.append(pair[0] + pair[1])
            place += 2
        else:
            joined.append(parts[place])
            place += 1
    return joined


def _whole(field: str, value, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise refuse(field, value, _("a whole number of at least {low}").format(low=low))
