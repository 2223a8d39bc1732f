"""Typefaces of the pictures that matplotlib draws: its own, then one with Chinese characters.

Matplotlib takes each character from the first face that has it. The faces are looked for among those that this
computer has.
"""
from functools import cache

from matplotlib.font_manager import findfont, get_font, get_font_names

LATIN = "DejaVu Sans"       # matplotlib brings it

# Faces with Chinese characters, as Debian, macOS and Windows bring them. Before matplotlib 3.11 only the first face
# of a collection was read, which of Noto's is the Japanese one; it has the simplified characters too.
CHINESE = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei",
           "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Sans SC", "Noto Sans CJK JP")


def chinese() -> str:
    """The face that Chinese is drawn with; "" where this computer has none that is known."""
    known = get_font_names()
    return next((face for face in CHINESE if face in known), "")


def faces() -> list[str]:
    """The faces to draw with, in the order in which they are asked for a character."""
    return [LATIN, *filter(None, [chinese()])]


def drawable(text: str, instead: str = "") -> str:
    """`text` with `instead` for each character that no face has, which would be drawn as an empty box."""
    return "".join(character if ord(character) in _known(tuple(faces())) or character.isspace() else instead
                   for character in text)


@cache
def _known(names: tuple[str, ...]) -> frozenset[int]:
    return frozenset().union(*(get_font(findfont(name)).get_charmap() for name in names))
