"""Bytes that nobody would think of end in a value or in an error of ours, and leave the kernel alive."""
import json
import queue
import subprocess
import sys
from pathlib import Path

import fuzzed
import hostile
import payloads
import pytest
from jupyter_client.manager import start_new_kernel
from promises import size

from labkit.checklist import faults

EXAMPLES = size(60, 5_000)


@pytest.mark.promise
def test_no_bytes_end_in_an_error_that_is_not_ours(measured):
    child = subprocess.run([sys.executable, "-X", "faulthandler", fuzzed.__file__, str(EXAMPLES)], capture_output=True,
                           text=True)
    assert child.returncode == 0, child.stderr[-4000:]
    counts = dict(map(json.loads, child.stdout.splitlines()))
    assert all(found["read"] and found["refused"] for found in counts.values()) and len(counts) == 13
    taken, refused = (sum(found[kind] for found in counts.values()) for kind in ("read", "refused"))
    measured(f"{taken + refused:,} files for {len(counts)} readers: {taken:,} read, {refused:,} refused by errors "
             f"of ours, none ended in another, the process ended with code {child.returncode}")


SETUP = """
import io, warnings
import labkit as lk
from labkit.checklist import intake
from labkit.data.unpickle import load_arrays
from pathlib import Path
upload = lk.Upload("Your data", check=lambda file: intake(file, "run"))

def give(name):
    content = Path(name).read_bytes()
    upload.view._handle_custom_msg({"name": name, "size": len(content)}, [memoryview(content)])
    return type(upload.error).__name__
"""


def answer(client, code: str) -> str:
    """What the kernel prints when it executes the code."""
    message, printed = client.execute(code), []
    while True:
        try:
            heard = client.get_iopub_msg(timeout=60)
        except queue.Empty:
            return "no answer"
        if heard["parent_header"].get("msg_id") != message:
            continue
        if heard["msg_type"] == "stream":
            printed.append(heard["content"]["text"])
        elif heard["msg_type"] == "error":
            printed.append(heard["content"]["evalue"])
        elif heard["msg_type"] == "status" and heard["content"]["execution_state"] == "idle":
            return "".join(printed)


def worst(marker: Path) -> dict[str, bytes]:
    """The files that a kernel might die of, by what they are called."""
    given = {name: make() for name, (make, _words) in hostile.ZIPS.items()
             if name in ("..", "overlapping", "says less", "says 4 GB", "zips in a zip", "twice")}
    for fault in ("huge picture", "picture cut off", "10,000 columns", "not text"):
        given[fault] = faults.FAULTS[fault]()[1]
    given["pickle"] = payloads.PAYLOADS["os.system"](str(marker))
    given["one cell of 7 MB"] = b"a,kind\n" + b"9" * 7_000_000 + b",x\n"
    given["only quotes"] = b'"' * 7_000_000
    return given


def test_a_kernel_lives_through_the_worst_files(tmp_path):
    given = worst(tmp_path / "marker")
    for place, content in enumerate(given.values()):
        (tmp_path / f"{place}.zip").write_bytes(content)
    manager, client = start_new_kernel(cwd=str(tmp_path))
    try:
        assert answer(client, SETUP + "print('ready')") == "ready\n"
        process = answer(client, "import os; print(os.getpid())")
        for place, name in enumerate(given):
            assert answer(client, f"print(give('{place}.zip'))") == "SettingError\n", name
        for content in (b"\x80\x02Nr\xff\xff\xff\xff.", b"(" * 900_000 + b"t" * 900_000 + b"Nd."):
            (tmp_path / "batch").write_bytes(content)
            said = answer(client, "load_arrays(open('batch', 'rb'), 'batch')")
            assert said.startswith("batch is "), said[:300]
        assert answer(client, "import os; print(os.getpid())") == process and manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert not (tmp_path / "run").exists() and not (tmp_path / "marker").exists()


def test_the_examples_are_the_same_at_every_run(tmp_path):
    """So that what CI finds is found again."""
    seen = []
    for turn in range(2):
        (tmp_path / str(turn)).mkdir()
        readers = fuzzed.Readers(tmp_path / str(turn))
        given = []
        readers.pickle = lambda content, given=given: given.append(content)
        fuzzed.check("pickle", readers, 20)
        seen.append(given)
    assert seen[0] == seen[1] and len(set(seen[0])) > 10
