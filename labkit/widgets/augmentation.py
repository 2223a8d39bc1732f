"""A contact sheet of augmented images with one slider per operation: see a transform before training with it.

    preview = AugmentationPreview(data, flip=0.5, rotate=15)
    preview.show()
    Recipe(augmentation=preview.augmentation)

The page alone moves the sliders and counts clicks; one worker thread alone writes the sheet, and ends when it
has drawn the latest setting. Every setting is drawn with the same seed, so only what was moved changes.
"""
import dataclasses
import io
import threading
from collections.abc import Callable

import torch
import torch.nn.functional as F
from anywidget import WidgetTrait
from IPython.display import display
from PIL import Image, ImageDraw, ImageFont
from traitlets import Bytes, Dict, Int, Unicode

from labkit import device as devices
from labkit.augment import LARGEST, OPERATIONS, Augmentation
from labkit.data.dataset import Dataset, Split
from labkit.language import _
from labkit.settings import choose, refuse
from labkit.widgets.still import LiveWidget, StillCopy, script, style

MOST_IMAGES, MOST_VARIANTS = 24, 7
FRAME = 128             # the grey ring around an original: at least 3:1 on both themes' ground


def sliders() -> list[dict]:
    """One entry per operation: name, label, how a value is shown, help, largest value and step."""
    rows = [
        ("flip", _("Flip"), _("{value} of images"), _("Mirrors this share left to right."), 0.05),
        ("rotate", _("Rotate"), _("±{value}°"), _("Turns either way, up to this angle."), 1),
        ("scale", _("Scale"), _("1 ± {value}"), _("Zooms by a factor from this range."), 0.05),
        ("crop", _("Crop"), _("±{value} pixels"), _("Shifts up to this far; black moves in."), 1),
        ("colour", _("Colour"), _("1 ± {value}"), _("Brightness, contrast and saturation."), 0.05),
        ("noise", _("Noise"), _("σ = {value}"), _("Gaussian, added to pixels of 0 to 1."), 0.01),
        ("cutout", _("Cutout"), _("{value} of the side"), _("Blackens a square of this side."), 0.05),
    ]
    return [{"name": name, "label": label, "shown": shown, "help": text, "max": LARGEST[name], "step": step}
            for name, label, shown, text, step in rows]


def contact_sheet(originals: torch.Tensor, variants: torch.Tensor, blocks: int) -> Image.Image:
    """Lay out uint8 `originals` (N, C, H, W), each left of its `variants` (V, N, C, H, W).

    The rows run down `blocks` blocks side by side. Originals have a grey frame; the gaps are transparent.
    """
    tiles = torch.cat([originals[None], variants]).expand(-1, -1, 3, -1, -1)
    tiles = F.pad(tiles, (0, 0, 0, 0, 0, 1), value=255)                     # the alpha channel
    framed = F.pad(tiles[:1], (1, 1, 1, 1), value=FRAME)
    framed[:, :, 3] = 255
    tiles = F.pad(torch.cat([framed, F.pad(tiles[1:], (1, 1, 1, 1))]), (1, 1, 1, 1))
    kinds, count, channels, height, width = tiles.shape
    rows = -(-count // blocks)
    tiles = F.pad(tiles, (0, 0, 0, 0, 0, 0, 0, rows * blocks - count))      # empty places in the last block
    tiles = tiles.view(kinds, blocks, rows, channels, height, width).permute(2, 4, 1, 0, 5, 3)
    return Image.fromarray(tiles.reshape(rows * height, blocks * kinds * width, channels).numpy())


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)     # a third of the time of the default level
    return buffer.getvalue()


def _pictures(images: torch.Tensor | Dataset | Split) -> torch.Tensor:
    """The uint8 images (N, C, H, W) to show."""
    if isinstance(images, Dataset):
        images = images.train
    if isinstance(images, Split):
        images = images.inputs[:8]
    fits = (isinstance(images, torch.Tensor) and images.dtype == torch.uint8 and images.ndim == 4
            and 1 <= len(images) <= MOST_IMAGES and images.shape[1] in (1, 3))
    if not fits:
        shown = f"{tuple(images.shape)} {images.dtype}" if isinstance(images, torch.Tensor) else images
        allowed = _("a data set, or a uint8 tensor (N, 1 or 3, height, width) of 1 to {most} images")
        raise refuse("images", shown, allowed.format(most=MOST_IMAGES), _("Take the first: images[:8]."))
    return images.detach().cpu()


class ContactSheet(LiveWidget):
    """What the worker writes. The preview's view draws it, so it has no view of its own."""
    png = Bytes().tag(sync=True)
    alt = Unicode().tag(sync=True)
    status = Unicode().tag(sync=True)
    error = Unicode().tag(sync=True)


class AugmentationPreview(LiveWidget):
    """Images beside their augmented variants, with a slider per operation.

    `images` is a uint8 tensor (N, 1 or 3, height, width) of at most 24 images, or a `Dataset` or `Split`, of
    which the first 8 (training) images are taken. `flip` to `cutout` are the settings to start from, as in
    `Augmentation`. `variants` (1 to 7) are drawn of each image, with `seed`. `on_use` is called with the
    `Augmentation` when "use these settings" is clicked, on the worker's thread.

    The first sheet is drawn before the constructor returns. Raises `SettingError` for a wrong value.
    """
    _esm = script("augmentation.js")
    _css = style("augmentation.css")
    values = Dict().tag(sync=True)      # the sliders: written by the page, and by set()
    used = Int().tag(sync=True)         # clicks on "use these settings": written by the page
    page = Dict().tag(sync=True)        # what the page says; never changes
    sheet = WidgetTrait().tag(sync=True)

    def __init__(self, images: torch.Tensor | Dataset | Split, *, flip: float = 0.5, rotate: float = 10,
                 scale: float = 0.1, crop: int = 2, colour: float = 0.2, noise: float = 0, cutout: float = 0,
                 variants: int = 3, seed: int = 0, device: str | torch.device = "auto",
                 on_use: Callable[[Augmentation], object] | None = None):
        start = Augmentation(flip, rotate, scale, crop, colour, noise, cutout)
        if not isinstance(variants, int) or not 1 <= variants <= MOST_VARIANTS:
            raise refuse("variants", variants,
                         _("a whole number from 1 to {most}").format(most=MOST_VARIANTS))
        if not isinstance(seed, int):
            raise refuse("seed", seed, _("a whole number"))
        self._images, self._variants, self._seed = _pictures(images), variants, seed
        self._device, self._on_use = devices.choose(device), on_use
        # Four rows read best beside the sliders; more than twelve columns do not fit a notebook.
        self._blocks = max(1, min(-(-len(self._images) // 4), 12 // (1 + variants)))
        self._still: StillCopy | None = None
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._wanted: dict | None = None        # the latest setting not yet drawn
        self._clicked: dict | None = None       # the setting of the latest click not yet handed on
        self._chosen: Augmentation | None = None
        self._failure: Exception | None = None
        block = [_("original"), *[_("variant {number}").format(number=n + 1) for n in range(variants)]]
        super().__init__(values=dataclasses.asdict(start), sheet=ContactSheet(), page={
            "sliders": sliders(), "columns": block * self._blocks, "off": _("off"),
            "title": _("Augmentation preview"), "use": _("Use these settings"),
            "zoom": max(1, round(64 / self._images.shape[-1]))})
        self._draw(start)
        self.observe(self._ask, names=["values", "used"])

    @property
    def augmentation(self) -> Augmentation:
        """The transform that the sliders say now."""
        return Augmentation(**self.values)

    @property
    def chosen(self) -> Augmentation:
        """The transform last taken with "use these settings"; before any click, what the sliders say."""
        return self._chosen or self.augmentation

    def set(self, **settings) -> None:
        """Move sliders from Python: `preview.set(rotate=20, noise=0)`. `wait()` waits for the new sheet."""
        for name in settings:
            choose("operation", name, OPERATIONS)
        self.values = dataclasses.asdict(Augmentation(**{**self.values, **settings}))

    def wait(self, seconds: float = 60) -> None:
        """Wait until the latest setting is drawn; raise the error that drawing it ended with, if any."""
        while (worker := self._worker) is not None:
            worker.join(seconds)
            if worker.is_alive():
                raise TimeoutError(
                    _("The sheet was not drawn within {seconds} seconds.").format(seconds=seconds))
        if self._failure is not None:
            raise self._failure

    def show(self) -> None:
        """Display the widget and, as a second output, a still copy for readers without a kernel."""
        display(self)
        self._still = StillCopy()
        self._show_still()

    def _ask(self, change) -> None:
        # May run on any thread: it only notes what is wanted, and starts the worker if none is at work.
        with self._lock:
            self._wanted = self.values
            if change["name"] == "used":
                self._clicked = self.values
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="augmentation preview", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                wanted, clicked = self._wanted, self._clicked
                self._wanted = self._clicked = None
                if wanted is None:
                    self._worker = None
                    return
            try:
                if clicked is not None:
                    self._chosen = Augmentation(**clicked)
                self._draw(Augmentation(**wanted))
                if clicked is not None and self._on_use is not None:
                    self._on_use(self._chosen)
                if self._wanted is None and self._still is not None:
                    self._show_still()
                self._failure, self.sheet.error = None, ""
            except Exception as error:      # noqa: BLE001  shown in the page, raised again by wait()
                self._failure, self.sheet.error = error, f"{type(error).__name__}: {error}"

    def _draw(self, augmentation: Augmentation) -> None:
        images = self._images.to(self._device).float().div(255)
        changed = augmentation.apply(images.repeat(self._variants, 1, 1, 1), self._seed)
        changed = changed.mul(255).round().to(torch.uint8).cpu().view(self._variants, *self._images.shape)
        self._picture = contact_sheet(self._images, changed, self._blocks)
        self._code = shown = repr(augmentation)
        chosen = self._chosen
        with self.sheet.hold_sync():        # one message, so that picture and words change together
            self.sheet.png = png(self._picture)
            self.sheet.alt = _("{count} images, each beside {variants} variants made by {code}").format(
                count=len(self._images), variants=self._variants, code=shown)
            if chosen is None:
                self.sheet.status = _("Shown: {code}").format(code=shown)
            elif chosen == augmentation:
                self.sheet.status = _("Chosen: {code}").format(code=shown)
            else:
                self.sheet.status = _("Shown: {code}. Chosen: {chosen}").format(code=shown, chosen=chosen)

    def _show_still(self) -> None:
        zoom = self.page["zoom"]
        sheet = self._picture.resize((self._picture.width * zoom, self._picture.height * zoom), Image.NEAREST)
        font, line = ImageFont.load_default(size=13), 20
        still = Image.new("RGB", (sheet.width, sheet.height + 2 * line), "white")
        still.paste(sheet, (0, 2 * line), mask=sheet)
        text = ImageDraw.Draw(still)
        text.text((4, line // 2), self._code, fill="black", font=font, anchor="lm")
        columns = self.page["columns"]
        for number, title in enumerate(columns):
            if title.isascii():             # Pillow's own font has no Chinese
                middle = (number + 0.5) * sheet.width / len(columns)
                text.text((middle, line * 1.5), title, fill="black", font=font, anchor="mm")
        self._still.show(png(still), self.sheet.alt)
