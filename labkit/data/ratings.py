"""Who rated what: a generated set whose factors are known, and MovieLens-100k where it can be had."""
import hashlib
import os
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch

from labkit import settings
from labkit.data.download import fetch
from labkit.data.errors import DataError, from_official, readable
from labkit.language import _

NAMES = ("generated", "movielens-100k")
ARCHIVE = "ml-100k.zip"
URL = f"https://files.grouplens.org/datasets/movielens/{ARCHIVE}"
SIZE = 4_924_029
SHA256 = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"     # as TensorFlow Datasets lists it
MEMBER_LIMIT = 8 << 20          # bytes; the largest member of the official archive has 2 million

GENRES = ("action", "animation", "comedy", "documentary", "drama", "horror", "romance", "science fiction")
_FIRST = ("Amber", "Broken", "Distant", "Electric", "Endless", "Frozen", "Golden", "Hidden", "Iron", "Last", "Lonely",
          "Midnight", "Paper", "Quiet", "Restless", "Salt", "Second", "Silver", "Stolen", "Winter")
_SECOND = ("Atlas", "Bridge", "Carnival", "Compass", "Engine", "Garden", "Harbour", "Island", "Letter", "Mirror",
           "Neighbour", "Orchard", "Parade", "Railway", "Signal", "Theatre", "Voyage")
_DAMAGE = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Ratings:
    """Ratings from 1 to 5, one a row: `users` and `items` int64 (N,), counted from 0, and `ratings` float32 (N,).

    titles      a different one for each item
    features    float32 (items, genres): 1 where an item belongs to a genre
    truth       of a generated set, float32 (users, items): how likely it is that a user rates an item and likes it
                (4 or 5), up to a factor for each user. The best order of the items that there can be; otherwise None
    """
    name: str
    users: torch.Tensor
    items: torch.Tensor
    ratings: torch.Tensor
    user_count: int
    titles: tuple[str, ...]
    genres: tuple[str, ...]
    features: torch.Tensor
    licence: str
    source: str
    sha256: str
    note: str = ""
    truth: torch.Tensor | None = None

    def genres_of(self, item: int) -> str:
        """The genres of an item, in words."""
        return ", ".join(name for name, has in zip(self.genres, self.features[item].tolist(), strict=True) if has)


def ratings(name: str = "generated", path: str | Path | None = None, seed: int = 0, content: float = 0.5) -> Ratings:
    """The ratings of `name`, one of `NAMES`.

    `generated` has 600 users and 300 items, made here from `seed`: see `generate`, which also says what `content` is.
    `movielens-100k` has 943 users and 1,682 films. It is read from `path` (ml-100k.zip, or a folder that holds it),
    else from the data folder, into which its 5 MB are fetched once. GroupLens allows research and no redistribution,
    so that it is not bundled. A fetched archive must have the SHA-256 that TensorFlow Datasets lists; one that the user
    names, or puts into the folder LABKIT_DATA, need not, and `Ratings.note` says so.

    Raises `SettingError` for a wrong name, path or content, and `DataError` for an archive that is damaged, has other
    files than those of MovieLens, or cannot be fetched.
    """
    settings.choose("ratings", name, NAMES)
    if name == "movielens-100k":
        with readable(name):
            place = _locate(path)
            with from_official(URL):
                return read_movielens(place)
    if path is not None:
        raise settings.refuse("path", str(path), _("no path, since {name} is made here").format(name=name))
    return generate(seed, content)


def generate(seed: int = 0, content: float = 0.5, users: int = 600, items: int = 300, factors: int = 8) -> Ratings:
    """Ratings of people with a taste in `factors` dimensions; everything is drawn from `seed`.

    An item is a point among the tastes. The share `content` (0 to 1) of that point's variance follows from its one or
    two genres, the rest is its own. Tastes and quality decide a rating, and with a very uneven popularity also who
    rates what: people pick what is well known and what they expect to like, about 45 items each.
    """
    if isinstance(content, bool) or not isinstance(content, int | float) or not 0 <= content <= 1:
        raise settings.refuse("content", content, _("a number from 0 to 1"))
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def uniform(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    features = torch.zeros(items, len(GENRES), dtype=torch.float64)
    for _draw in range(2):      # one in eight draws the same genre twice, and has only that
        features.scatter_(1, torch.randint(len(GENRES), (items, 1), generator=generator), 1)
    by_genre = features @ normal(len(GENRES), factors)
    by_genre = (by_genre - by_genre.mean(0)) / by_genre.std(0)
    places = content ** 0.5 * by_genre + (1 - content) ** 0.5 * normal(items, factors)
    affinity = normal(users, factors) @ places.T / factors ** 0.5
    quality, mildness = normal(items), normal(users, 1)
    fame = -0.8 * (1 + torch.randperm(items, generator=generator)).double().log()

    expected = 3.3 + 0.3 * mildness + 0.3 * quality + 0.9 * affinity
    given = (expected + 0.6 * normal(users, items)).round().clamp(1, 5)
    pull = fame + 0.5 * quality + affinity
    counts = (15 + 30 * (0.8 * normal(users, 1)).exp()).clamp(max=items // 2)
    gumbel = -(-uniform(users, items).log()).log()      # the largest sums are a draw without replacement
    chosen = (pull + gumbel).argsort(1, descending=True).argsort(1) < counts
    who, what = chosen.nonzero(as_tuple=True)
    likes = torch.special.ndtr((expected - 3.5) / 0.6)
    names = torch.randperm(len(_FIRST) * len(_SECOND), generator=generator)[:items].tolist()
    values = given[chosen].float()
    digest = hashlib.sha256()
    for part in (who, what, values, features):
        digest.update(part.numpy().tobytes())
    return Ratings(
        "generated", who, what, values, users,
        tuple(f"{_FIRST[number % len(_FIRST)]} {_SECOND[number // len(_FIRST)]}" for number in names), GENRES,
        features.float(), "made here", "labkit.data.ratings", digest.hexdigest(),
        _("generated, with known factors"), (pull.softmax(1) * likes).float())


def read_movielens(path: Path) -> Ratings:
    """The ratings, titles and genres in ml-100k.zip, read in memory. Raises `DataError` naming what is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if twice := [entry for entry, count in Counter(names).items() if count > 1]:
                raise DataError(_("{file} holds {entry} twice.").format(file=path, entry=twice[0]))
            for entry in archive.infolist():
                if not re.fullmatch(r"ml-100k/[\w.]*", entry.filename) or ".." in entry.filename:
                    raise DataError(_("{file} holds {entry!r}, which is not a file of MovieLens-100k.").format(
                        file=path, entry=entry.filename))
                if entry.file_size > MEMBER_LIMIT:
                    raise DataError(_("{file}: {entry} has {size} bytes, more than any file of MovieLens-100k.").format(
                        file=path, entry=entry.filename, size=entry.file_size))
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError(_("{entry} is packed in an unusual way").format(entry=entry.filename))
            rows, films, genres = (_member(archive, f"ml-100k/{name}").decode("latin-1").replace("\r", "").split("\n")
                                   for name in ("u.data", "u.item", "u.genre"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        genres = tuple(line.split("|")[0] for line in genres if line)
        films = [line.split("|") for line in films if line]
        table = torch.tensor([[int(field) for field in row.split("\t")] for row in rows if row])
        features = torch.tensor([[float(flag) for flag in film[5:]] for film in films])
        if table.shape[1:] != (4,) or features.shape != (len(films), len(genres)) or not genres or \
                [int(film[0]) for film in films] != list(range(1, len(films) + 1)):
            raise ValueError(_("the columns are not those of MovieLens-100k"))
        users, items, values = table[:, 0] - 1, table[:, 1] - 1, table[:, 2]
        if users.min() < 0 or items.min() < 0 or items.max() >= len(films) or values.min() < 1 or values.max() > 5:
            raise ValueError(_("an item that has no title, or a rating outside 1 to 5"))
        if users.max() >= len(table) or not features.eq(0).logical_or(features.eq(1)).all():
            raise ValueError(_("a user's number above that of the ratings, or a genre that is neither 0 nor 1"))
    except KeyError as error:
        raise DataError(_("{file} is not a whole MovieLens-100k: {error}.").format(
            file=path, error=error.args[0])) from error
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(_("{file} cannot be read ({error}).").format(file=path, error=str(error)[:200])) from error
    twice = Counter(film[1] for film in films)
    titles = tuple(film[1] if twice[film[1]] == 1 else f"{film[1]} [{film[0]}]" for film in films)
    return Ratings("movielens-100k", users, items, values.float(), int(users.max()) + 1, titles, genres, features,
                   "research use, not to be redistributed", URL, digest,
                   "" if digest == SHA256 else _("not the official archive"))


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """What the file holds, unpacked with a limit: `archive.read` takes what comes, whatever size was announced."""
    with archive.open(name) as stream:
        return stream.read(MEMBER_LIMIT)


def _locate(path: str | Path | None) -> Path:
    if path is not None:
        found = settings.path_of(path)
        found = found / ARCHIVE if found.is_dir() else found
        if not found.is_file():
            raise settings.refuse("path", str(path), _("the file {file}, or a folder that holds it").format(
                file=ARCHIVE))
        return found
    target = settings.data_folder() / ARCHIVE
    if target.is_file() and os.environ.get("LABKIT_DATA"):      # the user's folder: what lies there is named
        return target
    return fetch(URL, target, sha256=SHA256, size=SIZE, advice=_(
        "To have it by hand, open that address (5 MB) in a browser and put the file at {target}. Without it, "
        "{instead} serves the same chapter.").format(target=target, instead='ratings("generated")'))
