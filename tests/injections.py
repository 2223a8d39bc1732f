"""Texts that would be more than text in a page that trusts them, what shows that one was, and every way in.

The texts are the known ones of OWASP's cheat sheet and of reports on Jupyter, plotly and MathJax. An element that comes
of one bears `data-evil`; a script that runs calls `evil()`; what is fetched is of a host that does not exist.
"""
ELSEWHERE = "nowhere.invalid"
RUN = "top.evil=1"

PAYLOADS = [        # the first ones are typed in the small form too
    f'<img src=x data-evil onerror="{RUN}">',
    f'"><svg data-evil onload={RUN}>',
    f"'-{RUN}-'",
    f"<script data-evil>{RUN}</script>",
    f"</script><script data-evil>{RUN}</script>",
    f"<scr<script>ipt data-evil>{RUN}</scr</script>ipt>",
    f"<svg><script data-evil>{RUN}</script></svg>",
    f'<iframe data-evil srcdoc="<script>{RUN}</script>"></iframe>',
    f'<iframe data-evil src="javascript:{RUN}"></iframe>',
    f'<a data-evil href="javascript:{RUN}">press</a>',
    f'<a data-evil href="&#106;avascript:{RUN}">press</a>',
    f'<a data-evil href="data:text/html,<script>{RUN}</script>">press</a>',
    f"' autofocus tabindex=0 data-evil onfocus='{RUN}",
    f'" autofocus tabindex=0 data-evil onfocus="{RUN}',
    f"<input data-evil autofocus onfocus={RUN}>",
    f"<details data-evil open ontoggle={RUN}>",
    f"<video data-evil><source onerror={RUN}></video>",
    f'<math data-evil href="javascript:{RUN}"><mi>x</mi></math>',
    f"<math><mtext><table><mglyph><style><img src data-evil onerror={RUN}>",
    f'<noscript><p title="</noscript><img src=x data-evil onerror={RUN}>">',
    f"<style><img src=x data-evil onerror={RUN}></style>",
    f"</style></title></textarea><img src=x data-evil onerror={RUN}>",
    f"<template data-evil><img src=x onerror={RUN}></template>",
    f"<!--><img src=x data-evil onerror={RUN}>-->",
    f"<b data-evil style=\"background:url(//{ELSEWHERE}/style);width:expression({RUN})\">b</b>",
    f"<style data-evil>@import '//{ELSEWHERE}/import';</style>",
    f"<img data-evil src=//{ELSEWHERE}/beacon>",
    f"<link data-evil rel=prefetch href=//{ELSEWHERE}/prefetch>",
    f"<link data-evil rel=stylesheet href=//{ELSEWHERE}/sheet>",
    f'<meta data-evil http-equiv=refresh content="0;url=//{ELSEWHERE}/refresh">',
    f"<base data-evil href=//{ELSEWHERE}/base>",
    f"<form data-evil action=//{ELSEWHERE}/form><button autofocus>press</button></form>",
    f"<object data-evil data=//{ELSEWHERE}/object></object>",
    f"<embed data-evil src=//{ELSEWHERE}/embed>",
    f"&lt;img src=x data-evil onerror={RUN}&gt;",
    f"&amp;lt;img src=x data-evil onerror={RUN}&amp;gt;",
    f"＜img src=x data-evil onerror={RUN}＞",
    f"\u202e>{RUN}=daolno live-atad gvs<\u202c",
    f"\0<img src=x data-evil\0 onerror={RUN}>",
    f"[press](javascript:{RUN}) ![beacon](http://{ELSEWHERE}/markdown)",
    f"$\\href{{javascript:{RUN}}}{{x}}$",
    f"\\(\\style{{background:url(//{ELSEWHERE}/tex)}}{{x}}\\) $\\require{{html}}\\unicode{{x3c}}$",
    f"<b data-evil>b</b><a data-evil href='https://{ELSEWHERE}/plotly'>press</a>",
    f"${{{RUN}}} {{{{constructor.constructor('{RUN}')()}}}} %{{x}} $& $`",
    "__proto__", "constructor",
]

# What is wrong in the page, or in one element of it: a script that ran, an element that bears the mark, a dangerous
# attribute, mathematics. A link whose text is its address is JupyterLab's own, of addresses in what was printed; so is
# mathematics in a data frame, which MathJax sets in its safe mode.
FOUND = f"""(root) => {{
  const found = top.evil ? ["a script ran"] : [];
  delete top.evil;
  for (const e of (root ?? document).querySelectorAll("[data-evil], .jp-OutputArea *, .jp-MarkdownViewer *")) {{
    const names = [...e.attributes].filter(({{ name, value }}) => name === "data-evil" || name.startsWith("on")
      || name === "srcdoc" || /^\\s*(javascript|data:text|vbscript):?/i.test(value)
      || (/^(src|href|xlink:href|action|data|style|content|poster)$/.test(name) && value.includes("{ELSEWHERE}")));
    const own = e.tagName === "A" && e.textContent.trim() && decodeURI(e.href).startsWith(e.textContent.trim());
    const editing = e.closest(".cm-editor");
    const formula = e.tagName === "MJX-CONTAINER" && !e.closest("table.dataframe");
    if ((names.length && !own && !editing) || formula) {{
      found.push(`${{e.tagName}} ${{names.map(({{ name }}) => name)}} in ${{e.closest("[class]").className}}`);
    }}
  }}
  return [...new Set(found)];
}}"""

# What a learner or a screen reader gets of an output: text, names, values of fields. Invisible letters are left out.
TOLD = """(output) => [output.textContent, ...[...output.querySelectorAll("*")].flatMap((e) =>
  [e.getAttribute("aria-label"), e.getAttribute("alt"), e.title, e.value].filter(Boolean))].join("\\n")"""

# Each function shows one payload in one way. `mark` is what JupyterLab shows of it as text, at least.
WAYS = r'''
import json
import numpy as np, pandas as pd, torch
import labkit as lk
from labkit import checklist, evaluation
from labkit.widgets.self_test import SelfTest
from pathlib import Path
torch.set_num_threads(1)
pd.options.display.max_colwidth = None
jobs = iter(json.loads(Path("jobs.json").read_text()))

def live(p):
    def train(settings, report):
        for step in range(1, 4):
            report(step, **{"train_" + p: 1 / step, "validation_" + p: 2 / step, "train_loss": 1})
        if settings.fail:
            raise ValueError(p)
    lab = lk.LiveLab(train, title=p, steps=(3, 3), choice=lk.Choice(p, "b", label=p, unit=p, help=p),
                     fail=lk.Toggle(False, label=p, unit=p, help=p), words=lk.Text(p, label=p, help=p))
    lab.show()
    lab.set(fail=True)
    try:
        lab.wait()
    except ValueError as error:
        print(error)

def panels(p):
    picture = lk.panels.image(np.eye(4), title=p)
    return {p: lk.panels.text(p, title=p), "b": lk.panels.tokens([p, "b"], [1, 2], title=p),
            "c": lk.panels.table([[p, 1]], [p, "b"], title=p), "d": lk.panels.bars({p: 1, "b": 2}, y=p, title=p),
            "e": lk.panels.lines([1, 2], {p: [1, 2], "b": [2, 3]}, x=p, y=p, title=p), "f": picture}

def explorer(p):
    def draw(settings):
        print(p)
        if settings.fail:
            raise ValueError(p)
        return {**panels(settings.words), "g": lk.figures.amounts({p: 1}, y=p, title=p)}
    shown = lk.Explorer(draw, title=p, words=lk.Text(p, label=p, help=p), fail=lk.Toggle(False, label=p))
    shown.show()
    shown.set(fail=True)
    try:
        shown.wait()
    except ValueError as error:
        print(error)

def film(p):
    film = lk.Film(total=2, moments=2, title=p)
    for step in (1, 2):
        film.add(step, **panels(p))
    film.show()

def questions(p):
    lk.guess(p, [p, "b"]).reveal(p)
    test = SelfTest(1)
    test.view.questions = [{**test.view.questions[0], "text": p, "options": [p, "b"], "answer": 1, "why": p}]
    test.show()
    test.view.choices = [0]

def steps(p):
    def works():
        print(p)
        return p
    def fails():
        raise ValueError(p)
    shown = lk.Steps({p: works, p + "2": fails}, title=p)
    shown.view.steps = [{**step, "source": p} for step in shown.view.steps]
    try:
        shown.show(run=True)
    except ValueError as error:
        print(error)

def attention(p):
    lk.AttentionMap(torch.full((1, 1, 2, 2), 0.5), [p, "b"], title=p).show()

def preview(p):
    shown = lk.AugmentationPreview(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    shown.show()
    shown.sheet.status = shown.sheet.error = shown.sheet.alt = p

def upload(p):
    field = lk.Upload(p, check=lambda file: checklist.intake(file, "given"))
    field.show()
    field.receive(p + ".csv", "\n".join(["a,b", *[f"{i},{'xy'[i % 2]}" for i in range(20)]]).encode())
    try:
        field.receive(p, b"")
    except lk.settings.SettingError as error:
        print(error)
    table = pd.DataFrame({p: range(20), "word": [p, "b"] * 10, "class": [p] * 10 + ["b"] * 10})
    try:
        print(checklist.intake((p, table.to_csv(index=False).encode()), "given"))
    except lk.settings.SettingError as error:
        print(error)

def figures(p):
    names, f = [p, "b"], lk.figures
    frame = pd.DataFrame({"step": [1, 2], "train_loss": [1.0, 2], "validation_loss": [1.0, 2]})
    scores = evaluation.report(torch.eye(2), torch.tensor([0, 1]), names)
    mistakes = evaluation.most_confident_mistakes(torch.eye(2), torch.tensor([1, 0]))
    for figure in (f.bars({p: [1, 2], "b": [1]}, y=p, title=p, reference={p: 1}),
                   f.lines([1, 2], {p: [1, 2], "b": [1, 2]}, x=p, y=p, title=p),
                   f.confusion_matrix([[1, 2], [3, 4]], names, title=p), f.class_scores(scores, title=p),
                   f.learning_curves({p: frame, "b": frame}, title=p), f.parameters({p: 10}, {p: 12}, title=p),
                   f.mistakes(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), mistakes, names, title=p),
                   f.growth(lk.data.large_models(), added={"model": p, "year": 2020.0, "parameters": 1e9}, title=p)):
        display(figure)

def frames(p):
    display(pd.DataFrame({p: [p, "b"]}, index=pd.Index([p, "b"], name=p)).rename_axis(columns=p))
    display(pd.Series([p], index=[p], name=p))

def printed(p):
    print(p)
    lk.report(**{p: 1.0})
    display(p, {p: [p]})
    try:
        raise ValueError(p)
    except ValueError:
        get_ipython().showtraceback()

def trusted(p):
    from IPython.display import HTML
    display(HTML(p))
'''
# How often each way shows its text in words, at least; the rest is drawn on canvas.
NAMES = {"live": 8, "explorer": 8, "film": 6, "questions": 5, "steps": 6, "attention": 4, "preview": 3, "upload": 2,
         "figures": 10, "frames": 6, "printed": 3}
SHOW = """way, payloads = next(jobs)
for payload in payloads:
    globals()[way](payload)"""
# A call of a kernel to a host that does not exist, and to an address that is kept for documents.
CALL = f"""import socket
for call in (lambda: socket.getaddrinfo("{ELSEWHERE}", 80), lambda: socket.create_connection(("192.0.2.1", 80), 0.1)):
    try:
        call()
    except OSError:
        pass"""
TYPED = """class Words:
    vocabulary = tuple(map(str, range(50)))
    def tokens(self, text): return text.split() or ["-"]
    def encode(self, text): return [sum(word.encode()) % 50 for word in self.tokens(text)]
    def __len__(self): return 50
torch.manual_seed(0)
model = lk.models.DecoderTransformer(50, width=8, layers=1, heads=1)
lk.AttentionMap(model, "the cat", tokenizer=Words()).show()
lk.Explorer(lambda p: {"said": lk.panels.text(p.review)}, review=lk.Text("good", label="review")).show()
def train(p, report):
    for step in range(1, 4):
        report(step, train_loss=1 / step)
lk.LiveLab(train, steps=(3, 3), name=lk.Text("one", label="name of the run")).show()
lk.Upload("Your data", check=lambda file: file).show()"""
