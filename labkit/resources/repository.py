"""A real git repository in a temporary folder, whose hashes are the same each time.

    lab = Repository()
    lab.write("recipe.toml", "learning_rate = 0.001\\n")
    lab.commit("First recipe")
    print(lab.git("log", "--oneline"))

It has its own home, configuration, author and clock, so that nothing of the learner's git is read or changed. Where
git is not installed, every call returns a line that says what to install.
"""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from labkit.language import _
from labkit.settings import refuse

BEGIN = 1767225600          # 1 January 2026, 00:00 UTC; each command is an hour later
LIMIT = 60                  # seconds that a command may take


class Repository:
    """A repository that is removed when it is no longer used. `available` says whether git was found."""

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self._temporary.name)
        self.available = shutil.which("git") is not None
        self._hours = 0
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, fails: bool = False) -> str:
        """What `git arguments` prints. `fails` allows it to end with an error, as a merge with a conflict does.

        Raises RuntimeError with git's own words for an error that was not allowed.
        """
        if not self.available:
            return _("git is not installed here. Debian and Ubuntu: sudo apt install git. macOS: "
                     "xcode-select --install. Windows: winget install Git.Git.")
        self._hours += 1
        when = f"{BEGIN + 3600 * self._hours} +0000"
        # Of the learner's environment only the path: a GIT_DIR in it would lead to another repository.
        environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ} | {
            "HOME": str(self.folder), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "GIT_EDITOR": "true", "TZ": "UTC",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_COMMITTER_DATE": when}
        done = subprocess.run(["git", *arguments], cwd=self.folder, env=environment, capture_output=True,
                              encoding="utf-8", timeout=LIMIT)
        if done.returncode and not fails:
            raise RuntimeError(f"git {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
        return (done.stdout + done.stderr).rstrip()

    def write(self, name: str, text: str) -> None:
        """Write a file of the repository, with line ends as they are."""
        path = self.folder / name
        if path.resolve().parent != self.folder.resolve():
            raise refuse("name", name, _("the name of a file in the repository itself"))
        path.write_bytes(text.encode())

    def read(self, name: str) -> str:
        """The text of a file as it is now, conflict markers included."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def commit(self, message: str, branch: str = "") -> str:
        """Commit every change with `message`, on a new branch if one is named."""
        if branch:
            self.git("switch", "-q", "-c", branch)
        self.git("add", "--all")
        return self.git("commit", "-q", "-m", message)

    def graph(self) -> str:
        """All commits as a graph, the latest first."""
        return self.git("log", "--graph", "--oneline", "--all", "--date-order", "--decorate=short")


def conflict() -> Repository:
    """A repository in the middle of a merge: two people changed the learning rate, and one of them the batch size."""
    lab = Repository()
    lab.write("recipe.toml", "learning_rate = 0.001\nepochs = 10\nseed = 0\n\nbatch_size = 32\n")
    lab.commit("First recipe")
    lab.write("recipe.toml", "learning_rate = 0.01\nepochs = 10\nseed = 0\n\nbatch_size = 32\n")
    lab.commit("Train faster", branch="faster")
    lab.git("switch", "-q", "main")
    lab.write("recipe.toml", "learning_rate = 0.0003\nepochs = 10\nseed = 0\n\nbatch_size = 128\n")
    lab.commit("Larger batches, smaller steps")
    lab.git("merge", "faster", fails=True)
    return lab
