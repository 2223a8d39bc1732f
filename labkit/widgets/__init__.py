"""Views: they know runs and data, never the other way round."""
from importlib import import_module

_NAMES = {"LiveLab": "live", "Log": "controls", "Int": "controls", "Choice": "controls", "Toggle": "controls",
          "Float": "controls", "Matrix": "controls", "Point": "controls", "Text": "controls",
          "AttentionMap": "attention", "AugmentationPreview": "augmentation", "Explorer": "explorer", "Film": "film",
          "Steps": "steps", "SelfTest": "self_test", "Upload": "upload", "guess": "guesses"}
__all__ = list(_NAMES)


def __getattr__(name: str):
    if name not in _NAMES:
        raise AttributeError(f"labkit.widgets has no {name!r}; it offers {', '.join(_NAMES)}")
    return getattr(import_module(f"labkit.widgets.{_NAMES[name]}"), name)
