"""Tokenisers: what they split, that they give the text back, and that pairs are merged as defined."""
import time
from collections import Counter

import pytest

from labkit.data import corpus
from labkit.settings import SettingError
from labkit.tokenise import BytePairTokenizer, CharacterTokenizer, WordTokenizer

ENGLISH = "The cat sat on the mat; the cat (a cat) sat.\n\n  On the mat, it sat!"
CHINESE = "这本书很好，我很喜欢。这本书的内容不错，这本书值得一读！"
MAKERS = [CharacterTokenizer, WordTokenizer, BytePairTokenizer]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("text", [ENGLISH, CHINESE, "", " ", "a", "\n \t\n x", "emoji 😀😀 <b>&amp;</b> עברית"])
def test_decoding_gives_the_text_back(make, text):
    tokenizer = make(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text == "".join(tokenizer.tokens(text))
    assert all(0 <= number < len(tokenizer) for number in ids)
    assert len(set(tokenizer.vocabulary)) == len(tokenizer.vocabulary) == len(tokenizer)


@pytest.mark.parametrize("make", MAKERS)
def test_what_was_never_seen_is_one_unknown_token(make):
    tokenizer = make("aa bb")
    assert tokenizer.encode("猫") == [1] and tokenizer.tokens("猫") == ["<unk>"]
    assert tokenizer.decode([1]) == "\ufffd" and tokenizer.decode([0, 0]) == ""
    assert tokenizer.vocabulary[:2] == ("<pad>", "<unk>")


def test_words_come_by_frequency_and_size_bounds_them():
    words = WordTokenizer("b a a a b c")
    assert words.vocabulary[2:] == (" a", " b", " c", "b")
    assert words.tokens("b a c d") == ["b", " a", " c", "<unk>"]
    assert WordTokenizer("b a a a b c", size=4).vocabulary[2:] == (" a", " b")
    with pytest.raises(SettingError, match="size = 2"):
        WordTokenizer("a", size=2)


def test_chinese_has_no_words_between_spaces():
    assert WordTokenizer(CHINESE).tokens(CHINESE)[:2] == ["这本书很好", "，"]
    assert "这本书" in BytePairTokenizer(CHINESE).vocabulary


def naive(text, merges):
    """Byte-pair encoding as it is defined: count all pairs, merge the first of the most frequent, count again."""
    words = [list(word) for word in text.split()]
    found = []
    for _merge in range(merges):
        counts = Counter(pair for word in words for pair in zip(word, word[1:], strict=False))
        pair = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if pair is None or counts[pair] < 2:
            break
        found.append(pair)
        for place, word in enumerate(words):
            joined = []
            while word:
                length = 2 if tuple(word[:2]) == pair else 1
                joined.append("".join(word[:length]))
                word = word[length:]
            words[place] = joined
    return found, [part for word in words for part in word]


@pytest.mark.parametrize("text", ["low\nlower\nlowest\nnewer\nwidest", "aaaa\naaa\naa", "abab\nbaba\nabba", "a"])
@pytest.mark.parametrize("merges", [0, 1, 3, 50])
def test_merges_are_those_of_the_definition(text, merges):
    text = "\n".join(text.split())
    tokenizer = BytePairTokenizer(text, merges)
    expected, parts = naive(text, merges)
    assert tokenizer.merges == expected
    assert [token for token in tokenizer.tokens(text) if token != "\n"] == parts


def test_merges_of_real_text_are_those_of_the_definition():
    text = "\n".join(corpus("python-docs").text[:6000].split())
    assert BytePairTokenizer(text, 60).merges == naive(text, 60)[0]


@pytest.mark.parametrize("name", ["python-docs", "reviews-zh"])
def test_200_merges_of_200_kB_are_fast_and_shorten_the_text(name):
    text = corpus(name).text[:200_000]
    began = time.process_time()
    tokenizer = BytePairTokenizer(text)
    assert time.process_time() - began < 20         # counted anew at each merge, 96 s; like this 0.1 to 4 s
    assert len(tokenizer.merges) == 200
    assert len(tokenizer.encode(text)) < 0.9 * len(text)


@pytest.mark.parametrize("merges", [-1, 1.5, True, "9"])
def test_a_wrong_number_of_merges_is_refused(merges):
    with pytest.raises(SettingError, match="merges"):
        BytePairTokenizer("a", merges)
