"""Networks for images: the document's program (section 5.2) and a smaller one for live experiments."""
import torch
import torch.nn.functional as F
from torch import nn


def parameter_count(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


class DocumentCNN(nn.Module):
    """The network of the document's section 5.2: three convolutions and two dense layers.

    Takes images (N, channels, 32, 32) and returns logits (N, classes); 122,570 parameters for 3 channels
    and 10 classes. `softmax=True` returns probabilities instead, as the document's last layer does
    (claim C5.1). Weights are drawn as Keras draws them: Glorot-uniform, biases zero.
    """

    def __init__(self, channels: int = 3, classes: int = 10, softmax: bool = False):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.dense1 = nn.Linear(64 * 4 * 4, 64)
        self.dense2 = nn.Linear(64, classes)
        self.softmax = softmax
        for name, values in self.named_parameters():
            nn.init.zeros_(values) if name.endswith("bias") else nn.init.xavier_uniform_(values)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # Pooling first gives the same numbers, since max and ReLU commute, with a quarter of the ReLU work.
        x = F.relu(F.max_pool2d(self.conv1(images), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(x)).flatten(1)
        logits = self.dense2(F.relu(self.dense1(x)))
        return logits.softmax(dim=1) if self.softmax else logits


class SmallCNN(nn.Module):
    """Two convolutions of `width` and 2·`width` filters and one dense layer, for runs of a few seconds.

    Takes images (N, channels, height, width) of any size of at least 8 pixels; returns logits (N, classes).
    """

    def __init__(self, width: int = 16, channels: int = 3, classes: int = 10, dropout: float = 0.0):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(2 * width * 16, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.max_pool2d(self.conv1(images), 2))
        x = F.adaptive_max_pool2d(F.relu(self.conv2(x)), 4)
        return self.dense(self.dropout(x.flatten(1)))
