"""Answers to exercises 9.1 and 9.4: right ones, and plausible wrong ones."""
import math


def cache(layers, width, heads, key_value_heads, tokens, texts, bytes_each):
    total = 0
    for _kept in ("key", "value"):
        total += layers * texts * tokens * key_value_heads * width / heads * bytes_each
    return round(total)


def needs(parameters, tokens, memory, flops, utilisation, days):
    seconds = 6 * parameters * tokens / (flops * utilisation)
    return math.ceil(16 * parameters / memory), seconds / 86_400


def fewest(parameters, tokens, memory, flops, utilisation, days):
    held, device_days = needs(parameters, tokens, memory, flops, utilisation, days)
    count = held
    while device_days / count > days:
        count += 1
    return [count, device_days / count]


RIGHT = {"9.1": [cache], "9.4": [fewest]}
WRONG = {
    "9.1": [lambda *sizes: cache(*sizes) / 2,                                                   # keys alone
            lambda layers, width, heads, kept, *rest: cache(layers, width, heads, heads, *rest),    # every head
            lambda *sizes: cache(*sizes[:5], 1, sizes[6]),                                      # one text
            lambda *sizes: cache(*sizes[:6], 2)],                                               # 16 bits always
    "9.4": [lambda *run: [needs(*run)[0], needs(*run)[1] / needs(*run)[0]],                     # memory alone
            lambda *run: [math.ceil(needs(*run)[1] / run[-1]), run[-1]],                        # time alone
            lambda *run: [fewest(*run)[0], run[-1]],                                            # days as asked
            lambda *run: [fewest(*run)[0], fewest(*run)[1] * run[4]],                           # peak speed
            lambda parameters, *rest: fewest(parameters / 4, rest[0] * 4, *rest[1:])],          # weights alone
}
