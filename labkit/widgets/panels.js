// Draws panels (panels.py) in the page. A widget's view has it by script(*panels.SCRIPTS, "yours.js") of still.py, and
// its looks by style("panels.css").
//
//   drawPanels(element, model.get("panels"), model.get("labels"), onPick)
//
// `panels` is packet() of panels.py: [{ name, description, buffers }]; `labels` is labels() of panels.py. Call it again
// with other panels and each is redrawn in its place: focus, cursor and open table stay. It returns a Map from the
// names to the panels, each with `element`, `update(description, buffers)` and, of an image, `mark(x, y)`, which shows
// the chosen point. `onPick(name, x, y)`, if given, hears of points chosen on images by click or arrow keys, in the
// image's own coordinates (x_range, y_range); `onPick.names`, if set, lists the images that can be picked on.
// Panels follow the width and the theme of the page by themselves, and read nothing from the kernel.

const KINDS = { image: ImagePanel, lines: LinesPanel, bars: BarsPanel, tokens: TokensPanel, text: TextPanel,
  table: TablePanel };

// One panel: { element, update(description, buffers) }. `onPick(x, y)` makes an image one on which points are chosen.
function makePanel(description, buffers, labels, onPick) {
  const panel = new KINDS[description.kind](labels, onPick);
  panel.element.dataset.kind = description.kind;
  panel.update(description, buffers);
  return panel;
}

const drawn = new WeakMap();        // element -> Map of the panels in it

function drawPanels(element, panels, labels, onPick) {
  const known = drawn.get(element) ?? new Map();
  element.classList.add("lk-panels");
  const now = new Map(panels.map(({ name, description, buffers }) => {
    const picks = onPick && description.kind === "image" && (!onPick.names || onPick.names.includes(name));
    let panel = known.get(name);
    if (panel?.element.dataset.kind === description.kind) panel.update(description, buffers);
    else panel = makePanel(description, buffers, labels, picks ? (x, y) => onPick(name, x, y) : undefined);
    panel.element.dataset.name = name;
    return [name, panel];
  }));
  const elements = [...now.values()].map((panel) => panel.element);
  const same = elements.length === element.children.length && elements.every((e, i) => e === element.children[i]);
  if (!same) element.replaceChildren(...elements);       // moving an element would take its focus away
  drawn.set(element, now);
  return now;
}
