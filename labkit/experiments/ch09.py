"""Chapter 9's recorded runs: what published models take by calculation, and how fast the recording machine is.

The calculation needs no seed; it is recorded once, with the first. The machine is measured for each seed, with as many
threads as torch uses by itself. `path`, where other chapters' data may lie, is not read.
"""
import hashlib

from labkit.economics.configuration import PRESETS, PRINTED_FLOPS, PRINTED_HOURS, devices_at_least
from labkit.economics.machine import speeds
from labkit.economics.scale import BYTES, DEVICES, tokens_per_second

SEEDS = (0, 1, 2)
YEAR = 365 * 86_400         # seconds
MODEL = "GPT-3 175B"        # the claim's


def record(path: str | None = None, seeds=SEEDS, rounds: int = 20) -> dict:
    """What the rule of C9.1 reads, as flat dicts told apart by `part`."""
    runs = [{**run, "seed": seeds[0]} for run in (*training(), *answering(), *printed())]
    for seed in seeds:
        print(f"this machine, seed {seed}", flush=True)
        runs.append(machine(seed, rounds))
    return {"data": data(), "seeds": list(seeds), "runs": runs}


def data() -> list[dict]:
    """The configurations and devices that the calculation rests on."""
    text = repr((sorted(PRESETS.items()), sorted(DEVICES.items())))
    return [{"name": "published configurations", "sha256": hashlib.sha256(text.encode()).hexdigest(),
             "note": "layers, widths and heads as papers print them, devices by their data sheets"}]


def training() -> list[dict]:
    """For each model whose tokens are printed and each device: the least bytes, devices, and years on one alone.

    Least: mixed precision with Adam, one text at a time, all activations but the layers' inputs recomputed, which
    costs a third more arithmetic that is not counted; years at the data sheet's peak, which nobody reaches.
    """
    found = []
    for model, preset in PRESETS.items():
        if preset.tokens is None:
            continue
        memory = preset.configuration.training_memory(texts=1, recompute="everything")
        flops = preset.configuration.training_flops(preset.tokens)
        found += [{"part": "training", "model": model, "device": name, "flops": flops, "bytes": sum(memory.values()),
                   "device_bytes": device.memory, "devices": devices_at_least(memory, device),
                   "years": flops / device.flops / YEAR} for name, device in DEVICES.items()]
    return found


def answering() -> list[dict]:
    """For each precision and device: bytes of GPT-3 answering one full text, devices, and tokens a second by one."""
    model, found = PRESETS[MODEL].configuration, []
    for precision in BYTES:
        memory = model.answering_memory(texts=1, precision=precision)
        found += [{"part": "answering", "model": MODEL, "precision": precision, "device": name,
                   "bytes": sum(memory.values()), "devices": devices_at_least(memory, device),
                   "tokens_per_second": tokens_per_second(model.parameters, device, precision)}
                  for name, device in DEVICES.items()]
    return found


def printed() -> list[dict]:
    """Calculated figures beside those of the papers; hours at the utilisation that the smallest Llama 2 had."""
    found = [{"part": "printed", "model": model, "quantity": "FLOPs", "printed": flops,
              "calculated": PRESETS[model].configuration.training_flops(PRESETS[model].tokens)}
             for model, flops in PRINTED_FLOPS.items()]
    hours = {model: PRESETS[model].configuration.training_run(PRESETS[model].tokens, DEVICES["A100"], utilisation=1)
             .device_hours for model in PRINTED_HOURS}
    smallest = min(hours, key=hours.get)
    utilisation = hours[smallest] / PRINTED_HOURS[smallest]
    return found + [{"part": "printed", "model": model, "quantity": "hours", "printed": PRINTED_HOURS[model],
                     "calculated": hours[model] / utilisation} for model in hours if model != smallest]


def machine(seed: int, rounds: int = 20) -> dict:
    """This machine's speeds, and what GPT-3 would take on it: years to train, seconds a token in 4 bits."""
    model = PRESETS[MODEL]
    found = speeds(seed, rounds)
    flops = model.configuration.training_flops(model.tokens)
    return {"part": "machine", "seed": seed, **found, "years": flops / found["training"] / YEAR,
            "seconds_a_token": model.configuration.parameters * BYTES["int4"] / found["reading"]}
