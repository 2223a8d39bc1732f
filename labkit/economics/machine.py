"""How fast this machine computes and reads, measured: a product of matrices, a training step, a matrix read once."""
import torch

from labkit.economics.configuration import Configuration
from labkit.loss import mean_loss
from labkit.measure import seconds
from labkit.models import DecoderTransformer

MODEL = Configuration(layers=2, width=256, heads=4, vocabulary=512, context=64)
TEXTS = 8
PRODUCT = 1024              # width of the square matrices
READ = (4096, 8192)         # a matrix of 134 MB in float32, larger than most caches


def speeds(seed: int = 0, rounds: int = 5) -> dict[str, float]:
    """FLOP/s of a matrix product and of a training step (`MODEL`, plain descent), bytes/s of a product with a vector.

    In float32 on the CPU, with as many threads as torch uses now; the fastest of `rounds`, since what disturbs a
    measurement makes it longer. The product with a vector reads each weight once, as writing one token does. `seed`
    draws the tokens and weights. Returns "product", "training", "reading" and "threads". Descent is plain, since what
    an optimizer does is a few operations a weight.
    """
    generator = torch.Generator().manual_seed(seed)
    square = torch.rand(PRODUCT, PRODUCT, generator=generator)
    matrix, vector = torch.ones(READ), torch.rand(READ[1], generator=generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DecoderTransformer(MODEL.vocabulary, MODEL.width, MODEL.layers, MODEL.heads, MODEL.context)
    text = torch.randint(MODEL.vocabulary, (TEXTS, MODEL.context + 1), generator=generator)

    def train() -> None:
        model.zero_grad()
        mean_loss(model(text[:, :-1]), text[:, 1:]).backward()
        with torch.no_grad():
            for weight in model.parameters():
                weight -= 1e-3 * weight.grad
    times = seconds({"product": lambda: square @ square, "training": train, "reading": lambda: matrix @ vector},
                    rounds, warm_up=1)
    work = {"product": 2 * PRODUCT ** 3, "training": MODEL.training_flops(TEXTS * MODEL.context),
            "reading": matrix.nbytes}
    return {**{name: work[name] / min(found) for name, found in times.items()}, "threads": torch.get_num_threads()}
