// Draws the figures and widgets of a page from what is stored in it and beside it, once the reader comes near them.
// Ordinary scripts only: a page that was opened as a file may import no modules and fetch no data.
window.labkitBook = { views: {}, states: {} };

const shared = `${document.documentElement.dataset.content_root}../shared/`;
const wanted = new Map();
function script(path) {     // each once
  if (!wanted.has(path)) {
    wanted.set(path, new Promise((done, failed) => {
      document.head.append(Object.assign(document.createElement("script"), { src: path, onload: done, onerror: failed }));
    }));
  }
  return wanted.get(path);
}

// --- widgets ---
// The kernel's side of a model is what was stored: what a view sets stays in the page, what it sends goes nowhere.
class Model {
  constructor({ state, buffers }) {
    this.state = state;
    this.heard = new Map();
    for (const [path, data] of buffers) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      const holder = path.slice(0, -1).reduce((value, key) => value[key], state);
      holder[path.at(-1)] = new DataView(bytes.buffer);
    }
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    const values = typeof name === "string" ? { [name]: value } : name;
    Object.assign(this.state, values);
    for (const changed of Object.keys(values)) this.heard.get(`change:${changed}`)?.forEach((hear) => hear());
  }
  on(event, hear) { this.heard.set(event, [...(this.heard.get(event) ?? []), hear]); }
  off(event, hear) { this.heard.set(event, (this.heard.get(event) ?? []).filter((one) => one !== hear)); }
  save_changes() {}
  send() {}
}

async function drawWidget(element) {
  await Promise.all([script(`${shared}widgets.js`), script(element.dataset.state)]);
  const models = labkitBook.states[element.dataset.name].map((stored) => new Model(stored));
  const host = { getModel: async (reference) => models[Number(reference.split(":")[1])] };
  const view = { get: () => "anywidget:0" };
  const el = document.createElement("div");
  element.replaceChildren(el);
  await labkitBook.views[element.dataset.view].render(
    { model: view, el, host, signal: new AbortController().signal, kernel: false });
}

// --- figures ---
async function drawFigure(element) {
  await script(`${shared}plotly.min.js`);
  const graph = element.querySelector(".book-graph");
  const { data, layout } = JSON.parse(element.querySelector('script[type="application/json"]').textContent);
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;      // a finger scrolls the page
  await Plotly.newPlot(graph, data, layout, { displayModeBar: false, responsive: !layout.width });
}

// --- when ---
const drawn = new Map();
function draw(element) {        // each once
  near.unobserve(element);
  if (!drawn.has(element)) {
    const drawing = element.matches(".book-widget") ? drawWidget(element) : drawFigure(element);
    drawn.set(element, drawing.then(() => {
      element.dataset.drawn = "true";
      requestAnimationFrame(() => requestAnimationFrame(reachable));      // a widget fills its tables in the next frame
    }));
  }
  return drawn.get(element);
}
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) draw(target);
}, { rootMargin: "600px" });
const parts = [...document.querySelectorAll(".book-widget, .book-figure:has(.book-graph)")];
parts.forEach((element) => near.observe(element));
labkitBook.drawAll = () => Promise.all(parts.map(draw));
addEventListener("beforeprint", labkitBook.drawAll);

// What scrolls sideways can be scrolled by keyboard too.
const SCROLLING = ".book-scroll, .highlight pre, .output pre, .table-wrapper, .labkit-live .lk-wide";
function reachable() {
  for (const box of document.querySelectorAll(SCROLLING)) {
    const scrolls = box.scrollWidth > box.clientWidth;
    if (scrolls && !box.hasAttribute("tabindex")) box.dataset.reachable = box.tabIndex = 0;
    if (!scrolls && box.dataset.reachable) { box.removeAttribute("tabindex"); delete box.dataset.reachable; }
  }
}
addEventListener("resize", reachable);
addEventListener("load", reachable);

// A search quotes what it finds by fetching the page, which a page that was opened as a file may not do.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// --- theme: widgets know JupyterLab's marks ---
const dark = matchMedia("(prefers-color-scheme: dark)");
function theme() {
  const chosen = document.body.dataset.theme;
  document.body.dataset.jpThemeLight = String(!(chosen === "dark" || (chosen !== "light" && dark.matches)));
}
theme();
dark.addEventListener("change", theme);
new MutationObserver(theme).observe(document.body, { attributeFilter: ["data-theme"] });
