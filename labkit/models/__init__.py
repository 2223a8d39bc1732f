"""Plain `nn.Module`s, each short enough to read in one sitting."""
from labkit.models.dense import MLP, initialise, signal_sizes
from labkit.models.masked import MaskedLanguageModel
from labkit.models.reader import SpanReader
from labkit.models.recommend import ContentBased, Hybrid, MatrixFactorisation
from labkit.models.residual import BlockNet, ConvBlock, EfficientBlock, ResidualNet, SqueezeExcitation, flops
from labkit.models.segment import UNet
from labkit.models.sequence import CharRNN, DecoderTransformer, EncoderTransformer, RNNCell, generate
from labkit.models.translator import Translator
from labkit.models.vision import DocumentCNN, SmallCNN, SpeedrunCNN, parameter_count

__all__ = ["BlockNet", "CharRNN", "ContentBased", "ConvBlock", "DecoderTransformer", "DocumentCNN", "EfficientBlock",
           "EncoderTransformer", "Hybrid", "MLP", "MaskedLanguageModel", "MatrixFactorisation", "RNNCell",
           "ResidualNet", "SmallCNN", "SpanReader", "SpeedrunCNN", "SqueezeExcitation", "Translator", "UNet", "flops",
           "generate", "initialise", "parameter_count", "signal_sizes"]
