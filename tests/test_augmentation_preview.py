import io
import threading
import time

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from labkit.augment import OPERATIONS, Augmentation
from labkit.data.dataset import Dataset, Split
from labkit.settings import SettingError
from labkit.widgets import augmentation
from labkit.widgets.augmentation import AugmentationPreview, contact_sheet

IMAGES = torch.randint(0, 256, (4, 3, 16, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
OFF = dict.fromkeys(OPERATIONS, 0)


@pytest.fixture
def preview():
    return AugmentationPreview(IMAGES)


def pixels(preview) -> torch.Tensor:
    image = Image.open(io.BytesIO(preview.sheet.png))
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(image.height, image.width, 4)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "augmentation preview"]


def test_the_first_sheet_is_there_at_once(preview):
    assert pixels(preview).shape == (4 * 20, 4 * 16, 4)      # 2 pixels of frame and gap on every side
    assert preview.sheet.status == f"Shown: {preview.augmentation}"
    assert preview.sheet.alt == f"4 images, each beside 3 variants made by {preview.augmentation}"
    assert not workers()


def test_with_everything_off_the_variants_are_the_originals():
    sheet = pixels(AugmentationPreview(IMAGES, **OFF, variants=2))
    for row, image in enumerate(IMAGES):
        for column in range(3):
            top, left = row * 20 + 2, column * 16 + 2
            assert torch.equal(sheet[top:top + 16, left:left + 12, :3], image.permute(1, 2, 0))


def test_originals_are_framed_and_gaps_are_transparent():
    sheet = pixels(AugmentationPreview(IMAGES, **OFF))
    assert sheet[1, 1].tolist() == [augmentation.FRAME] * 3 + [255]
    assert (sheet[0, :, 3] == 0).all() and sheet[1, 17, 3] == 0


def test_blocks_stand_side_by_side_and_hold_every_image():
    numbered = torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 1, 8, 8)
    sheet = contact_sheet(numbered, numbered[None] + 100, blocks=2)
    assert sheet.size == (2 * 2 * 12, 3 * 12)
    centres = [[sheet.getpixel((x * 12 + 6, y * 12 + 6))[0] for x in range(4)] for y in range(3)]
    assert centres == [[0, 100, 3, 103], [1, 101, 4, 104], [2, 102, 0, 0]]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_moved_slider_changes_the_variants_and_not_the_originals(name):
    preview = AugmentationPreview(IMAGES, **OFF)
    before = pixels(preview)
    largest = {"flip": 1, "rotate": 90, "crop": 5}.get(name, 0.5)
    preview.set(**{name: largest})
    preview.wait()
    after = pixels(preview)
    assert torch.equal(after[:, :16], before[:, :16]) and not torch.equal(after[:, 16:], before[:, 16:])
    preview.set(**{name: 0})
    preview.wait()
    assert torch.equal(pixels(preview), before)


def test_the_same_seed_gives_the_same_sheet_and_another_seed_another(preview):
    assert AugmentationPreview(IMAGES).sheet.png == preview.sheet.png
    assert AugmentationPreview(IMAGES, seed=1).sheet.png != preview.sheet.png


def test_drawing_leaves_the_global_generator_alone(preview):
    before = torch.get_rng_state()
    preview.set(noise=0.2)
    preview.wait()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_latest_of_many_moves_wins_and_the_worker_ends(preview, monkeypatch):
    drawn, draw = [], preview._draw
    monkeypatch.setattr(preview, "_draw", lambda setting: (drawn.append(setting.rotate), time.sleep(0.01),
                                                           draw(setting)))
    for angle in range(1, 51):
        preview.values = {**preview.values, "rotate": angle}        # what the page does
        assert len(workers()) <= 1
    preview.wait()
    assert drawn[-1] == 50 and len(drawn) < 50 and drawn == sorted(drawn)
    assert preview.augmentation.rotate == 50 and "rotate=50" in preview.sheet.status
    assert not workers()


def test_the_callback_returns_before_the_sheet_is_drawn(preview, monkeypatch):
    draw, go = preview._draw, threading.Event()
    monkeypatch.setattr(preview, "_draw", lambda setting: (go.wait(10), draw(setting)))
    before = preview.sheet.png
    preview.set(rotate=90)
    assert preview.sheet.png == before
    with pytest.raises(TimeoutError):
        preview.wait(seconds=0.05)
    go.set()
    preview.wait()
    assert preview.sheet.png != before


def test_use_these_settings_keeps_what_was_chosen_and_calls_back():
    taken = []
    preview = AugmentationPreview(IMAGES, on_use=taken.append)
    assert preview.chosen == preview.augmentation
    preview.set(rotate=30)
    preview.used += 1               # what a click does
    preview.set(rotate=60)          # and a quick move after it
    preview.wait()
    assert preview.chosen.rotate == 30 and taken == [preview.chosen]
    assert preview.augmentation.rotate == 60
    assert preview.sheet.status == f"Shown: {preview.augmentation}. Chosen: {preview.chosen}"
    preview.used += 1
    preview.wait()
    assert taken[1:] == [preview.augmentation]
    assert preview.sheet.status == f"Chosen: {preview.augmentation}"


def test_an_error_in_the_worker_is_shown_and_raised_by_wait_until_a_sheet_succeeds():
    def fail(augment):
        raise RuntimeError(f"cannot use {augment}")
    preview = AugmentationPreview(IMAGES, **OFF, on_use=fail)
    preview.used += 1
    with pytest.raises(RuntimeError, match=r"cannot use Augmentation\(\)"):
        preview.wait()
    assert preview.sheet.error == "RuntimeError: cannot use Augmentation()"
    preview.set(flip=1)
    preview.wait()
    assert preview.sheet.error == "" and not workers()


def test_a_wrong_value_from_the_page_is_named_and_the_old_sheet_stays(preview):
    before = preview.sheet.png
    preview.values = {**preview.values, "rotate": 999}
    with pytest.raises(SettingError, match="rotate = 999"):
        preview.wait()
    assert "rotate = 999" in preview.sheet.error and preview.sheet.png == before
    preview.set(rotate=10)
    preview.wait()
    assert preview.sheet.error == ""


def test_wrong_settings_are_refused_before_anything_moves(preview):
    before = preview.values
    for wrong, message in (({"noise": 2}, "noise = 2"), ({"blur": 1}, "operation = 'blur'")):
        with pytest.raises(SettingError, match=message):
            preview.set(**wrong)
    assert preview.values == before


@pytest.mark.parametrize("images", [
    IMAGES.float(), IMAGES[0], IMAGES[:0], IMAGES[:, :2], IMAGES.repeat(7, 1, 1, 1), "fashion-mnist", None])
def test_wrong_images_are_refused(images):
    with pytest.raises(SettingError, match="^images = "):
        AugmentationPreview(images)


@pytest.mark.parametrize("setting", [{"variants": 0}, {"variants": 8}, {"variants": 2.0}, {"seed": "a"},
                                     {"crop": 99}, {"device": "tpu"}])
def test_wrong_arguments_are_refused(setting):
    with pytest.raises(SettingError, match=f"^{next(iter(setting))} = "):
        AugmentationPreview(IMAGES, **setting)


def test_a_data_set_gives_its_first_eight_training_images():
    inputs = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
    split, empty = Split(inputs, torch.zeros(20).long()), Split(inputs[:0], torch.zeros(0).long())
    data = Dataset("x", split, empty, empty, ("a",), "none", "here", "0")
    sheets = [AugmentationPreview(images, rotate=45).sheet.png for images in (data, split, inputs[:8])]
    assert sheets[0] == sheets[1] == sheets[2]


def test_headless_both_outputs_are_stored_and_the_still_copy_is_the_latest():
    """A real kernel without a browser: the second output is the picture of the last setting."""
    code = """
import base64, torch
from labkit.widgets import AugmentationPreview
preview = AugmentationPreview(torch.full((2, 1, 16, 16), 200, dtype=torch.uint8), **{s})
preview.show()
{move}
"""
    off = dict(OFF, cutout=0.5)

    def outputs(settings: dict, move: str) -> list:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(
            code.replace("{s}", repr(settings)).replace("{move}", move))])
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
        return notebook.cells[0].outputs
    moved = outputs(OFF, "preview.set(cutout=0.5); preview.wait()")
    assert [output["data"]["text/plain"] for output in moved] == [
        "[live widget: run this cell to use it]", "still copy of the widget above"]
    assert "Augmentation(cutout=0.5)" in moved[1]["metadata"]["image/png"]["alt"]
    assert moved[1]["data"]["image/png"] == outputs(off, "")[1]["data"]["image/png"]


def test_the_page_gets_every_text_from_python_and_sets_it_as_text(preview):
    script = str(preview._esm)
    assert "innerHTML" not in script and "http" not in script
    for slider in preview.page["sliders"]:
        assert "{value}" in slider["shown"] and slider["label"] and slider["help"]
    assert [slider["name"] for slider in preview.page["sliders"]] == list(OPERATIONS)
    assert preview.page["columns"] == ["original", "variant 1", "variant 2", "variant 3"]


def test_the_preview_hands_its_transform_straight_on(preview):
    preview.set(**OFF)
    preview.set(flip=1)
    assert preview.augmentation == Augmentation(flip=1)
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(preview.augmentation(images), images.flip(-1))
