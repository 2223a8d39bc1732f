"""JupyterLab as the course starts it: on this computer alone, asking nothing of the internet.

`labkit lab` and the browser test take their options from here, so the test sees what learners get.
"""
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from labkit import settings
from labkit.language import _
from labkit.settings import choose, refuse

SETTINGS = Path(__file__).with_name("lab_settings")
IDENTITY = "--ServerApp.identity_provider_class"
SHORT = {"--ip": "--ServerApp.ip", "--notebook-dir": "--ServerApp.root_dir"}      # JupyterLab's short names
LOCALES = {"zh": "zh_CN"}       # JupyterLab's name of a language; English needs none


def arguments(folder: Path, page: str = "README.md") -> list[str]:
    """Options for `jupyter lab` that serve `folder` on 127.0.0.1 and open `page`, a path inside it.

    identity.py sees to it that there is a token, the random one that Jupyter makes unless another is given. News, the
    check for updates and the extension manager are off. lab_settings/overrides.json shows Markdown rendered, and keeps
    JupyterLab from asking whether it may fetch news.
    """
    return [
        f"{IDENTITY}=labkit.identity.TokenNeeded",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{page}",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # In a container one is root; the server is open to this computer alone, and asks for its token.
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]


def environment(language: str) -> dict[str, str]:
    """The variables of JupyterLab and its kernels in `language`, those of this process included.

    Where the language's pack for JupyterLab is installed (for Chinese jupyterlab-language-pack-zh-CN, the extra `zh`),
    JupyterLab's own menus are in it unless the user's settings say another; where it is not, they are as ever.
    """
    variables = {**os.environ, "LABKIT_LANGUAGE": language}
    if has_menus(language) and language in LOCALES:
        paths = [str(SETTINGS / language), os.environ.get("JUPYTER_CONFIG_PATH", "")]
        variables["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    return variables


def has_menus(language: str) -> bool:
    """Whether JupyterLab, as it is installed here, has its own words in `language`."""
    return language not in LOCALES or LOCALES[language] in entry_points(group="jupyterlab.languagepack").names


def command(*options: str) -> list[str]:
    """The command that starts JupyterLab with this very Python."""
    return [sys.executable, "-m", "jupyterlab", *options]


def instead(ours: list[str], theirs: list[str]) -> list[str]:
    """Both, without those of `ours` that `theirs` set: Jupyter takes no option twice. `SettingError` for IDENTITY."""
    given = {SHORT.get(name, name) for name in (option.partition("=")[0] for option in theirs)}
    if IDENTITY in given:
        raise refuse("identity_provider_class", next(option for option in theirs if option.startswith(IDENTITY)),
                     _("none but the course's own, which sees to it that there is a token"))
    return [*(option for option in ours if option.partition("=")[0] not in given), *theirs]


def open_lab(language: str = "en", options: list[str] = ()) -> int:
    """Start JupyterLab on the course and wait until it ends; returns its exit code.

    `language` zh builds the Chinese notebooks into build/zh first and opens those; menus as in `environment`.
    `options` go to `jupyter lab` as they are, in place of our own where they set the same, except that it never starts
    without a token; an address other than 127.0.0.1 is theirs to choose.
    """
    choose("language", language, settings.LANGUAGES)
    folder, page = settings.chapters_folder().parent, "README.md"
    if not settings.chapters_folder().is_dir():
        raise refuse("folder", str(folder), _("a checkout of the course with its chapters/"))
    if language == "zh":
        from labkit import translate
        page = "build/zh"
        translate.build(folder / page)
    if not has_menus(language):
        print(_("JupyterLab's own menus stay in English. In Chinese: {command}").format(
            command="pip install jupyterlab-language-pack-zh-CN"))
    try:
        return subprocess.run(command(*instead(arguments(folder, page), options)), env=environment(language)).returncode
    except KeyboardInterrupt:       # Ctrl-C reached the server as well, which has asked and ended
        return 0
