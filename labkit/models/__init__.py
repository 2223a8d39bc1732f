"""Plain `nn.Module`s, each short enough to read in one sitting."""
from labkit.models.dense import MLP, initialise, signal_sizes
from labkit.models.masked import MaskedLanguageModel
from labkit.models.sequence import CharRNN, DecoderTransformer, EncoderTransformer, RNNCell, generate
from labkit.models.vision import DocumentCNN, SmallCNN, parameter_count

__all__ = ["CharRNN", "DecoderTransformer", "DocumentCNN", "EncoderTransformer", "MLP", "MaskedLanguageModel",
           "RNNCell", "SmallCNN", "generate", "initialise", "parameter_count", "signal_sizes"]
