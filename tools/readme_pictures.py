"""The README's pictures: one of each chapter, from its stored outputs, and the live lab moving, from a real browser.

    python tools/readme_pictures.py [chapters] [lab]

The lab is chapter 5's, run in JupyterLab and Chromium as the browser tests run it, its sliders moved by keys.
"""
import base64
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from setup_env import ROOT

PICTURES = {        # chapter -> the cell whose last picture stands for it
    "01": "taste-film", "02": "film", "03": "film", "04": "map", "05": "mistakes", "06": "lesions-train",
    "07": "path-explorer", "08": "explanations-explorer", "09": "edge-explorer", "10": "bert-map"}
SIZE = (320, 200)           # pixels that a chapter's picture fits in
EVERY = 150                 # milliseconds between two frames of the lab
MOVES = ("ArrowRight", "PageUp", "PageDown", "PageDown")     # of the learning rate's slider
FRAMES_A_MOVE = 24


def of_chapter(notebook: Path, cell: str) -> Image.Image:
    """The last picture among the outputs of a cell."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = next(found["outputs"] for found in cells if found["id"] == cell)
    pictures = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return Image.open(io.BytesIO(base64.b64decode(pictures[-1]))).convert("RGB")


def chapters() -> None:
    folder = ROOT / "docs" / "chapters"
    folder.mkdir(parents=True, exist_ok=True)
    for number, cell in PICTURES.items():
        picture = of_chapter(next((ROOT / "chapters").glob(f"{number}_*.ipynb")), cell)
        picture.thumbnail(SIZE, Image.Resampling.LANCZOS)
        picture.quantize(64).save(folder / f"{number}.png", optimize=True)


def lab_frames(folder: Path) -> list[Image.Image]:
    """Pictures of chapter 5's lab while its learning rate is moved, `EVERY` ms apart."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import CHROMIUM, QUIET, Lab, Notebook, Server
    from playwright.sync_api import sync_playwright
    shutil.copytree(ROOT / "chapters", folder / "course" / "chapters")
    jupyter = Server(folder / "course", folder / "home")
    frames = []
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = chromium.new_page(viewport={"width": 1100, "height": 900})
            page.set_default_timeout(120_000)
            Notebook(page, jupyter, "chapters/05_project.ipynb").run_all()
            lab = Lab(page)
            slider = lab.controls.get_by_label("learning rate")
            for _twice in range(2):         # the cells that come into view are drawn, and move the lab
                lab.controls.evaluate("(controls) => controls.scrollIntoView()")
                page.wait_for_timeout(1000)
            boxes = lab.controls.bounding_box(), lab.curve.bounding_box()
            top = min(box["y"] for box in boxes)
            clip = {"x": boxes[0]["x"], "y": top, "width": max(box["width"] for box in boxes),
                    "height": max(box["y"] + box["height"] for box in boxes) - top}
            for move in MOVES:
                slider.press(move)
                for _frame in range(FRAMES_A_MOVE):
                    frames.append(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
                    page.wait_for_timeout(EVERY)
                lab.wait_for(lambda: lab.share > 0.6)
            chromium.close()
    finally:
        jupyter.close()
    return frames


def lab() -> None:
    with tempfile.TemporaryDirectory() as folder:
        frames = lab_frames(Path(folder))
    frames[-1].quantize(128).save(ROOT / "docs" / "live_lab.png", optimize=True)      # for readers who want no motion
    small = [frame.resize((frame.width * 3 // 4, frame.height * 3 // 4), Image.Resampling.LANCZOS) for frame in frames]
    small[0].save(ROOT / "docs" / "live_lab.webp", save_all=True, append_images=small[1:], duration=EVERY, loop=0,
                  quality=70, method=6)
    print(f"docs/live_lab.webp: {len(frames)} frames, {(ROOT / 'docs' / 'live_lab.webp').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    for name in sys.argv[1:] or ("chapters", "lab"):
        {"chapters": chapters, "lab": lab}[name]()
