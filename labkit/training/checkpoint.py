"""Saving a run so that being killed at any moment loses at most the steps since the last save.

Each save is a new folder `step-00000120`, written beside its final name, synced, and renamed; then the small
file `latest` is replaced. Weights are safetensors and the rest is read with `weights_only=True`, so that a
checkpoint from a stranger can hold no code.
"""
import json
import os
import pickle
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from labkit.language import _
from labkit.settings import refuse
from labkit.training import state_file
from labkit.training.recipe import Recipe

FORMAT = 1
KEPT = 2
FILES = ("weights.safetensors", "state.pt")
DAMAGE = (OSError, LookupError, TypeError, AttributeError, ValueError, EOFError, RuntimeError, SafetensorError,
          pickle.UnpicklingError)      # what json, safetensors and torch raise for files that are not what they say


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used: the message names the folder and what is wrong with it."""


@dataclass
class Checkpoint:
    """What was saved: `about` (step, recipe, model), `weights`, and `state` (optimizer, history, best)."""
    about: dict
    weights: dict[str, torch.Tensor]
    state: dict


def save(folder: Path, about: dict, weights: dict[str, torch.Tensor], state: dict) -> Path:
    """Write one checkpoint under `folder`, make it the latest, and keep the `KEPT` newest.

    Raises `CheckpointError` where the system cannot write it; those before it stay as they are.
    """
    try:
        return _save(folder, about, weights, state)
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = error.__context__ if isinstance(error.__context__, OSError) else error
        if isinstance(reason, RuntimeError):
            raise       # torch.save has one for its own reasons, and one that follows the system's
        _remove_drafts(folder, ignore_errors=True)      # they may be what fills the disk
        raise CheckpointError(_(
            "The checkpoint of step {step} could not be saved in {folder}: {reason}. The checkpoints before it are "
            "whole, and the curve so far is in run.history. Make room or mend the folder, then go on with the same "
            "run, or with a new one and resume=True.").format(
                step=about["step"], folder=folder, reason=_first_line(reason))) from error


def _save(folder: Path, about: dict, weights: dict[str, torch.Tensor], state: dict) -> Path:
    name = f"step-{about['step']:08d}"
    target, draft = folder / name, folder / f".{name}"
    folder.mkdir(parents=True, exist_ok=True)
    _remove_drafts(folder)
    if _is_whole(target):
        return _point_at(target)    # the same step of the same run: its numbers are the same
    draft.mkdir()
    save_file({key: value.detach().cpu().contiguous().clone() for key, value in weights.items()},
              draft / FILES[0])
    with open(draft / FILES[1], "wb") as file:      # by its name, torch would not say why it cannot write
        torch.save(state, file)
    sizes = {file: (draft / file).stat().st_size for file in FILES}
    (draft / "about.json").write_text(json.dumps({"format": FORMAT, "sizes": sizes, **about}, indent=1))
    for path in (*draft.iterdir(), draft):
        _sync(path)
    if target.exists():
        shutil.rmtree(target)
    draft.rename(target)
    _sync(folder)
    _point_at(target)
    for old in names(folder)[:-KEPT]:
        shutil.rmtree(folder / old)
    return target


def _point_at(target: Path) -> Path:
    put(target.parent / "latest", target.name)
    _sync(target.parent)
    return target


def put(path: Path, text: str) -> None:
    """Give a small file its text, so that it has all of the old or all of the new at any moment."""
    draft = path.with_name(f".{path.name}")
    draft.write_text(text)
    _sync(draft)
    draft.replace(path)


def _remove_drafts(folder: Path, ignore_errors: bool = False) -> None:
    for draft in folder.glob(".step-*"):
        shutil.rmtree(draft, ignore_errors)


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0] or type(error).__name__


def _is_whole(path: Path) -> bool:
    try:
        read(path)
    except CheckpointError:
        return False
    return True


def names(folder: Path) -> list[str]:
    """The finished checkpoints of a folder, oldest first."""
    return sorted(path.name for path in folder.glob("step-*") if path.is_dir())


def named(folder: Path) -> str:
    """The name in the file `latest`, or "" where there is none."""
    pointer = folder / "latest"
    return pointer.read_text(errors="replace") if pointer.exists() else ""


def latest(folder: Path) -> Checkpoint | None:
    """Read the newest checkpoint, or None where nothing was ever saved.

    If the newest is damaged, an older one that is whole is used and a warning says which and why; training
    from there gives the same numbers again. Raises `CheckpointError` if none can be read.
    """
    newest_first = names(folder)[::-1]
    if not (folder / "latest").exists() and not newest_first:
        return None
    if (first := named(folder)) in newest_first:
        newest_first.remove(first)
        newest_first.insert(0, first)
    faults = []
    for name in newest_first:
        try:
            checkpoint = read(folder / name)
        except CheckpointError as error:
            faults.append(str(error))
            continue
        if faults:
            warnings.warn(_("{faults} Going on from {name} instead.").format(
                faults=" ".join(faults), name=name), stacklevel=2)
        return checkpoint
    raise CheckpointError(" ".join(faults) or _("{folder} names a checkpoint that is not there.").format(
        folder=folder))


def read(path: Path) -> Checkpoint:
    """Read one checkpoint folder. Raises `CheckpointError` if it is damaged or from a newer labkit."""
    try:
        about = json.loads((path / "about.json").read_text())
        if about["format"] > FORMAT:
            raise CheckpointError(_(
                "{path} has format {found}; this labkit reads up to {known}. Update labkit to use it.").format(
                    path=path, found=about["format"], known=FORMAT))
        for file, size in about["sizes"].items():
            if (path / file).stat().st_size != size:
                raise CheckpointError(_("{file} should have {size} bytes and has {found}: it is damaged.").format(
                    file=path / file, size=size, found=(path / file).stat().st_size))
        missing = {"step", "model", "recipe"} - about.keys()
        if missing:
            raise CheckpointError(_("{path} does not say its {missing}.").format(
                path=path / "about.json", missing=", ".join(sorted(missing))))
        return Checkpoint(about, load_file(path / FILES[0]), state_file.load(path / FILES[1]))
    except CheckpointError:
        raise
    except DAMAGE as error:
        raise CheckpointError(_("{path} cannot be read: {error}.").format(
            path=path, error=_first_line(error))) from error


def check_unused(folder: Path) -> None:
    """Refuse a folder that holds checkpoints already."""
    if names(folder):
        raise refuse("folder", str(folder), _("a folder without checkpoints"),
                     _("It holds {name}; resume=True goes on from there.").format(name=names(folder)[-1]))


def check_fits(checkpoint: Checkpoint, model: torch.nn.Module, recipe: Recipe) -> None:
    """Raise `CheckpointError` if the checkpoint is of another model or another recipe.

    A run may be made longer: `epochs`, `steps` and `patience` are free to differ. A field that an older labkit did not
    know has its default.
    """
    ours = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in checkpoint.weights.items()}
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise CheckpointError(_(
                "The checkpoint is of another model ({theirs}): its {name} has shape {found}, and this "
                "model's {wanted}. Use another folder, or the model it was saved from.").format(
                    theirs=checkpoint.about["model"], name=name, found=theirs.get(name), wanted=ours.get(name)))
    written = {**Recipe().as_dict(), **checkpoint.about["recipe"]}
    for field, value in recipe.as_dict().items():
        saved = written[field]
        if field not in ("epochs", "steps", "patience") and saved != value:
            raise CheckpointError(_(
                "The checkpoint was trained with {field} = {saved}, and this recipe says {value}. Use another "
                "folder, or the same {field}.").format(field=field, saved=saved, value=value))


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return      # Windows cannot open a folder to sync it
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
