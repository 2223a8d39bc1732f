"""Answers to the exercises of chapter 1: right ones, and plausible wrong ones."""
import math

STATE = {"sgd": 0, "momentum": 4, "adam": 8}


def by_roofline(parameters, size, bandwidth, flops, batch=1):
    return min(batch * bandwidth / (parameters * size), flops / (2 * parameters))


RIGHT = {
    "1.1": [lambda n, d, share=1.0: 6 * n * share * d],
    "1.2": [lambda n, optimizer: n * (2 + 2 + 4 + STATE[optimizer])],
    "1.3": [lambda c, k, peak, u, price: (c / (k * peak * u) / 86_400, c / (peak * u) / 3600 * price)],
    "1.4": [lambda c: (math.sqrt(c / 120), 20 * math.sqrt(c / 120)), lambda c: [(c / 120) ** 0.5, (c / 0.3) ** 0.5]],
    "1.5": [by_roofline],
}
WRONG = {
    "1.1": [lambda n, d, share=1.0: 2 * n * share * d,                  # forward only
            lambda n, d, share=1.0: 6 * n * d,                          # all experts at once
            lambda n, d, share=1.0: 6 * n * d / share,
            lambda n, d, share=1.0: 6 * n * share + d],
    "1.2": [lambda n, optimizer: 16 * n,                                # Adam always
            lambda n, optimizer: 2 * n,                                 # the weights alone
            lambda n, optimizer: n * (2 + 2 + STATE[optimizer]),        # without the float32 copy
            lambda n, optimizer: n * (8 + STATE[optimizer] / 2),        # optimizer state in 2 bytes
            lambda n, optimizer: n * (4 + 4 + 4 + STATE[optimizer])],
    "1.3": [lambda c, k, peak, u, price: (c / (k * peak * u) / 86_400, c / (k * peak * u) / 3600 * price),
            lambda c, k, peak, u, price: (c / (k * peak) / 86_400, c / peak / 3600 * price),    # at full speed
            lambda c, k, peak, u, price: (c / (k * peak * u) / 3600, c / (peak * u) / 3600 * price),    # hours
            lambda c, k, peak, u, price: c / (k * peak * u) / 86_400],
    "1.4": [lambda c: (math.sqrt(c / 6), math.sqrt(c / 6)),             # as many tokens as parameters
            lambda c: (20 * math.sqrt(c / 120), math.sqrt(c / 120)),    # the other way round
            lambda c: (math.sqrt(c / 20), 20 * math.sqrt(c / 20))],     # the 6 forgotten
    "1.5": [lambda n, size, bandwidth, flops, batch=1: bandwidth / (n * size),              # one text
            lambda n, size, bandwidth, flops, batch=1: batch * bandwidth / (n * size),      # never compute-bound
            lambda n, size, bandwidth, flops, batch=1: flops / (2 * n),
            lambda n, size, bandwidth, flops, batch=1: batch / (n * size / bandwidth + 2 * n * batch / flops)],
}
