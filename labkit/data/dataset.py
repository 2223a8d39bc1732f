"""A data set as tensors with names: the one type that `load` returns and training reads."""
import dataclasses
from dataclasses import dataclass
from numbers import Integral

import torch
import torch.nn.functional as F

from labkit.language import _
from labkit.settings import refuse


@dataclass(frozen=True)
class Split:
    """Examples that belong together: `inputs` (N, ...) and `targets` (N, ...), both on the CPU.

    Images are `uint8` of shape (N, channels, height, width); training scales them to 0..1 on the device. Text is int64
    of shape (N, length). Targets are int64: a class for each example (N,), or a token for each place (N, length), where
    -100 is one that does not count. Or they are float32, numbers to come close to, in the shape of the model's output.
    """
    inputs: torch.Tensor
    targets: torch.Tensor

    def __post_init__(self):
        if len(self.inputs) != len(self.targets):
            raise refuse("targets", f"{len(self.targets)} labels",
                         _("as many as there are inputs ({count})").format(count=len(self.inputs)))

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        shapes = [f"{name} {str(values.dtype).removeprefix('torch.')} {tuple(values.shape[1:])}"
                  for name, values in (("inputs", self.inputs), ("targets", self.targets))]
        return f"<Split of {len(self):,}: {', '.join(shapes)}>"

    def first(self, count: int | None) -> "Split":
        """The first `count` examples, in their order; all of them for None."""
        if count is None:
            return self
        if not isinstance(count, Integral) or isinstance(count, bool) or not 1 <= count <= len(self):
            raise refuse("count", count, _("1 to {count}").format(count=len(self)))
        return Split(self.inputs[:count], self.targets[:count])


@dataclass(frozen=True)
class Dataset:
    """Named splits with what a reader must know of them: classes, licence, source and checksum."""
    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    licence: str
    source: str
    sha256: str
    note: str = ""          # said beside every figure made from it, such as "JPEG copy, 5,000 test images"
    tokenizer: object = None        # of text: what turned it into the ids that `inputs` holds

    def __repr__(self) -> str:
        splits = "".join(f"\n  {name:<12}{getattr(self, name)!r}" for name in ("train", "validation", "test"))
        return f"<Dataset {self.name}, {len(self.class_names)} classes{splits}>"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example, without the batch."""
        return tuple(self.train.inputs.shape[1:])

    def first(self, train: int | None = None, validation: int | None = None,
              test: int | None = None) -> "Dataset":
        """The same set with only the first examples of each split (None keeps a split whole)."""
        return dataclasses.replace(self, train=self.train.first(train),
                                   validation=self.validation.first(validation), test=self.test.first(test))

    def as_images(self, channels: int, height: int, width: int) -> "Dataset":
        """Grey images repeated over `channels` and padded with black on all sides to `height` x `width`.

        No pixel is resampled. Raises `SettingError` if an image is larger, or has other channels.
        """
        have = self.input_shape
        if len(have) != 3 or have[0] not in (1, channels) or have[1] > height or have[2] > width:
            raise refuse("images", "x".join(map(str, have)),
                         _("1 or {channels} channels of at most {height}x{width} pixels").format(
                             channels=channels, height=height, width=width))
        top, left = (height - have[1]) // 2, (width - have[2]) // 2
        border = (left, width - have[2] - left, top, height - have[1] - top)

        def pad(split: Split) -> Split:
            images = F.pad(split.inputs, border)
            return Split(images.expand(-1, channels, -1, -1).contiguous(), split.targets)
        return dataclasses.replace(self, train=pad(self.train), validation=pad(self.validation),
                                   test=pad(self.test))
