"""What a contestant's process does: for each line `BATCH_SIZE IMAGES` that it reads, it trains and says how fast.

It runs in an environment that has the contestant's library and not the course, so this needs only Python's own.
"""
import json
import sys
from collections.abc import Callable


def answer(epoch_seconds: Callable[[int, int], float]) -> None:
    """`epoch_seconds(batch_size, images)` trains a fresh network and gives the seconds of an epoch after the first."""
    for line in sys.stdin:
        batch_size, images = map(int, line.split())
        print("answer", json.dumps({"images_per_second": images / epoch_seconds(batch_size, images)}), flush=True)
