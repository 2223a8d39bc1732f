"""A kernel in a process of its own, and messages as a page sends them, for the load tests."""
import json
import statistics
import sys
import time
from pathlib import Path
from queue import Empty

from jupyter_client import BlockingKernelClient, KernelManager

SECONDS = 60        # longer than any answer takes; a hang fails instead of staying
USED = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import json, used"


class Kernel:
    """A page's connection to a kernel: to that of a connection file, or to one of its own."""

    def __init__(self, connection: Path | None = None):
        self._own = None if connection else KernelManager()
        if connection:
            self._page = BlockingKernelClient(connection_file=str(connection))
            self._page.load_connection_file()
        else:
            self._own.kernel_spec.argv[0] = sys.executable
            self._own.start_kernel()
            self._page = self._own.blocking_client()
        self._page.start_channels()
        self.models = {}        # the state of each, as the page has it
        try:
            self._page.wait_for_ready(timeout=SECONDS)
            self.run(USED)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._page.stop_channels()
        if self._own:
            self._own.shutdown_kernel(now=True)
            self._own.cleanup_resources()

    def interrupt(self) -> None:
        """What the ■ of the page does."""
        self._own.interrupt_kernel()

    def start(self, code: str, cell: str = "", **expressions: str) -> str:
        """Start the cell with the id `cell`, and do not wait; returns what `answer` needs."""
        message = self._page.session.msg("execute_request", {
            "code": code, "silent": False, "store_history": False, "user_expressions": expressions,
            "allow_stdin": False, "stop_on_error": True}, metadata={"cellId": cell} if cell else {})
        self._page.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run(self, code: str, cell: str = "", **expressions: str) -> dict:
        """Run a cell, whose error is raised; returns what `expressions` (JSON) are then."""
        content = self.answer(self.start(code, cell, **expressions))
        if content["status"] != "ok":
            raise RuntimeError("\n".join(content.get("traceback", [content["status"]])))
        return {name: json.loads(eval(found["data"]["text/plain"]))
                for name, found in content["user_expressions"].items()}

    def ask(self, expression: str):
        """What `expression`, which gives JSON, is."""
        return self.run("", it=expression)["it"]

    def until_true(self, expression: str) -> None:
        """Wait until `expression` is true; a lab that waits for its turn takes a moment to get it."""
        end = time.monotonic() + SECONDS
        while not self.ask(f"str(int({expression}))"):
            assert time.monotonic() < end, expression

    def ping(self) -> float:
        """Seconds until an empty cell has been answered."""
        began = time.perf_counter()
        assert self.answer(self._page.execute("", silent=True))["status"] == "ok"
        return time.perf_counter() - began

    def answer(self, sent: str) -> dict:
        """The kernel's answer to the message with the id `sent`."""
        while (reply := self._page.get_shell_msg(timeout=SECONDS))["parent_header"].get("msg_id") != sent:
            pass
        self.listen()
        return reply["content"]

    def listen(self) -> None:
        """Take what the kernel has told the page since."""
        while True:
            try:
                content = self._page.get_iopub_msg(timeout=0)["content"]
            except Empty:
                return
            if "comm_id" in content:
                self.models.setdefault(content["comm_id"], {}).update(content.get("data", {}).get("state", {}))

    def send(self, model: str, **state) -> None:
        """Set traits of a model, as the page does when a slider is released or a button pressed."""
        content = {"comm_id": model, "data": {"method": "update", "state": state, "buffer_paths": []}}
        self._page.shell_channel.send(self._page.session.msg("comm_msg", content))


class Page:
    """The lab called `name` in the kernel, used through messages."""

    def __init__(self, kernel: Kernel, name: str = "lab"):
        self.kernel, self.name = kernel, name
        self._controls = kernel.ask(f"json.dumps({name}.controls.model_id)")
        self._curve = kernel.ask(f"json.dumps({name}.curve.model_id)")
        self.values = kernel.ask(f"json.dumps({name}.values)")

    def move(self, **values) -> None:
        self.values = {**self.values, **values}
        self.kernel.send(self._controls, values=self.values)

    def press(self, name: str) -> None:
        pressed = self.kernel.ask(f"json.dumps({self.name}.controls.command)").get("count", 0)
        self.kernel.send(self._controls, command={"name": name, "count": pressed + 1})

    def said(self) -> dict:
        """Where the lab is, as the kernel has it."""
        return self.kernel.ask(f"used.said({self.name})")

    def until(self, condition) -> dict:
        """What the lab says as soon as that fulfils `condition`."""
        end = time.monotonic() + SECONDS
        while not condition(said := self.said()):
            assert time.monotonic() < end, said
            time.sleep(0.01)
        return said

    def finished(self) -> dict:
        """What the lab says once its worker has ended."""
        return self.until(lambda said: not said["works"])

    def finish(self) -> dict:
        """Train a whole run and return what the lab says then; another page may pause it meanwhile."""
        before = self.said()["generation"]
        self.press("restart")
        self.until(lambda said: said["generation"] > before)
        while (said := self.until(lambda said: said["rests"]))["works"]:
            self.press("resume")
        return said

    @property
    def shown(self) -> dict:
        """The description of the run in hand, as the page has it."""
        self.kernel.listen()
        return self.kernel.models[self._curve]["now"]


def assert_nothing_left(before: dict, after: dict) -> float:
    """Threads, hooks and connections are those of before; returns by which share memory has grown."""
    for what in ("threads", "hooks", "comms", "widgets"):
        assert after[what] == before[what], (what, before[what], after[what])
    growth = max(after[what] / before[what] - 1 for what in ("memory", "memory after gc"))
    assert growth < 0.05, (before, after)
    return growth


def answers(kernel: Kernel) -> str:
    """Median and maximum of fifty answers; what disturbs a measurement makes it longer, so the best of six."""
    times = min(([kernel.ping() for _question in range(50)] for _try in range(6)), key=max)
    assert max(times) < 0.1, times
    return in_words(times)


def in_words(times: list[float]) -> str:
    return f"{1000 * statistics.median(times):.0f} ms, at most {1000 * max(times):.0f} ms"
