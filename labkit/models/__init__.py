"""Plain `nn.Module`s, each short enough to read in one sitting."""
from labkit.models.vision import DocumentCNN, SmallCNN, parameter_count

__all__ = ["DocumentCNN", "SmallCNN", "parameter_count"]
