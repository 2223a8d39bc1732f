"""`labkit links`: ask every address of chapter 7's catalogue whether it is there. It needs a network."""
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labkit.economics.cost import number
from labkit.language import _

WORKERS = 8             # addresses at once
CLOSED = (401, 403, 429)    # answers that some sites give to every program: a browser has to look
AGENT = "Mozilla/5.0 (compatible; labkit links)"


@dataclass(frozen=True)
class Answer:
    """What came back: `state` is there, moved, closed, gone or silent (no answer at all); `detail` is for people."""
    link: str
    state: str
    detail: str = ""


def ask(link: str, seconds: float = 10.0) -> Answer:
    """Ask for the head of a page, and for the page where a server gives no heads; `seconds` bounds each wait.

    Redirections are followed; `moved` is an address that a server says has changed for good.
    """
    import requests
    try:
        for method in ("HEAD", "GET"):
            with requests.request(method, link, timeout=seconds, allow_redirects=True, stream=True,
                                  headers={"User-Agent": AGENT}) as answer:
                status, moved = answer.status_code, any(step.is_permanent_redirect for step in answer.history)
                address = answer.url
            if status < 400:
                break
    except requests.Timeout:
        return Answer(link, "silent", _("no answer within {seconds:g} seconds").format(seconds=seconds))
    except requests.RequestException as error:
        return Answer(link, "silent", _("no connection ({error})").format(error=type(error).__name__))
    if status in CLOSED:
        return Answer(link, "closed", _("answers {status} to a program: look with a browser").format(status=status))
    if status >= 400:
        return Answer(link, "gone", _("answers {status}").format(status=status))
    if moved:
        return Answer(link, "moved", _("has moved to {address}").format(address=address))
    return Answer(link, "there")


def report(links: Sequence[str] | None = None, seconds: float = 10.0) -> bool:
    """Print what came of each address (of the catalogue, if none are given) and return whether none failed.

    An address that has moved or that is closed to programs is named, and is no failure.
    """
    number("seconds", seconds)
    if links is None:
        from labkit.resources.catalogue import entries
        links = [link for link in entries().link if link]
    with ThreadPoolExecutor(WORKERS) as workers:
        answers = list(workers.map(lambda link: ask(link, seconds), links))
    for answer in sorted(answers, key=lambda answer: answer.state):
        if answer.state != "there":
            print(f"{answer.link}  {answer.detail}")
    counts = {state: sum(answer.state == state for answer in answers)
              for state in ("there", "moved", "closed", "gone", "silent")}
    print(_("{count} addresses: {there} there, {moved} moved, {closed} closed to programs, {gone} gone, {silent} "
            "without an answer.").format(count=len(answers), **counts))
    if answers and counts["silent"] == len(answers):
        print(_("No address answered: this computer seems to have no network, and nothing can be said of the links."))
    return not (counts["gone"] or counts["silent"])
