// The kinds of panels but images, and what all panels share. Needs axes.js before it; see panels.js.
const DASHES = [[], [6, 4], [2, 3], [9, 3, 2, 3], [12, 4]];

// The numbers in a buffer of float32, wherever it begins.
function floats({ buffer, byteOffset, byteLength }) {
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// What all panels have: a heading, a place for the drawing, a line that reads values, and a table if there is one.
class BasePanel {
  constructor(labels) {
    this.labels = labels;
    this.title = make("figcaption");
    this.element = make("figure", { className: "lk-panel" }, this.title);
  }

  update(description, buffers) {
    this.description = description;
    this.buffers = buffers;
    this.title.textContent = description.title;
    this.title.hidden = !description.title;
    this.take();
    this.draw();
  }

  take() {}
}

class TextPanel extends BasePanel {
  constructor(labels) {
    super(labels);
    this.words = make("pre", { className: "lk-text" });
    this.element.append(this.words);
  }

  draw() { this.words.textContent = this.description.text; }
}

class TablePanel extends BasePanel {
  constructor(labels) {
    super(labels);
    this.table = make("table", { className: "lk-table" });
    this.element.append(make("div", { className: "lk-scroll" }, this.table));
  }

  draw() { fillRows(this.table, this.description.header, this.description.rows); }
}

function fillRows(table, header, rows) {
  const row = (cell, texts) => make("tr", {}, ...texts.map((textContent) => make(cell, { textContent })));
  table.replaceChildren(row("th", header), ...rows.map((texts) => row("td", texts)));
}

// Tokens as words that wrap. Space and line break are shown by a sign; a value is a bar, from the right if negative.
class TokensPanel extends BasePanel {
  constructor(labels) {
    super(labels);
    this.list = make("div", { className: "lk-tokens" });
    this.list.setAttribute("role", "group");
    this.readout = make("output", { className: "lk-readout", textContent: " " });
    this.element.append(this.list, this.readout);
    const at = (event) => [...this.list.children].indexOf(event.target.closest(".lk-token"));
    const read = (place) => { this.readout.textContent = place < 0 ? " " : this.words(place); };
    this.list.addEventListener("pointerover", (event) => read(at(event)));
    this.list.addEventListener("focusin", (event) => read(at(event)));
    this.list.addEventListener("pointerleave", () => read(-1));
    this.list.addEventListener("focusout", () => read(-1));
    this.list.addEventListener("keydown", (event) => {
      const jump = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
      if (!jump) return;
      event.preventDefault();
      const all = this.list.children;
      all[clamp(at(event) + jump, 0, all.length - 1)].focus();
    });
    this.list.addEventListener("focusin", (event) => {      // one stop for the Tab key: the token read last
      for (const token of this.list.children) token.tabIndex = token === event.target ? 0 : -1;
    });
  }

  take() { this.values = this.buffers.length ? floats(this.buffers[0]) : null; }

  words(place) {
    return `${place + 1}: ${JSON.stringify(this.description.tokens[place])}`
      + (this.values ? ` ${this.number(this.values[place])}` : "");
  }

  number(value) { return Number.isFinite(value) ? digits(value) : this.labels.missing; }

  draw() {
    const { tokens, range, title } = this.description;
    this.list.setAttribute("aria-label", title || this.labels.read);
    const same = tokens.length === this.list.children.length;      // then the focus stays where it is
    if (!same) {
      this.list.replaceChildren(...tokens.map((_, i) => keepKeys(make("span", { className: "lk-token",
        tabIndex: i ? -1 : 0 }, make("bdi"), make("i")))));
    }
    [...this.list.children].forEach((token, i) => {
      const [word, bar] = token.children;
      word.textContent = tokens[i].replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
      if (!this.values) return;
      const value = Number.isFinite(this.values[i]) ? this.values[i] : 0;
      bar.style.width = `${100 * clamp(Math.abs(value) / range[1], 0, 1)}%`;
      bar.classList.toggle("lk-negative", value < 0);
    });
    this.list.classList.toggle("lk-valued", Boolean(this.values));
  }
}

// A drawing on canvas, read by pointer and by keys. A subclass has at(px, py), the cursor below a pixel; start(), the
// cursor of the first key; moved(cursor, across, down); words(cursor); paint(surface); and maybe rows(), its table.
class CanvasPanel extends BasePanel {
  constructor(labels) {
    super(labels);
    this.cursor = null;
    this.canvas = keepKeys(make("canvas", { tabIndex: 0 }));
    this.canvas.setAttribute("role", "img");
    this.readout = make("output", { className: "lk-readout", textContent: " " });
    this.element.append(this.canvas, this.readout);
    const follow = (event) => this.read(this.at(event.offsetX, event.offsetY));
    this.canvas.addEventListener("pointermove", follow);
    this.canvas.addEventListener("pointerdown", follow);
    this.canvas.addEventListener("pointerleave", () => this.read(null));
    this.canvas.addEventListener("focus", () => this.cursor === null && this.read(this.start()));
    this.canvas.addEventListener("blur", () => this.read(null));
    this.canvas.addEventListener("keydown", (event) => {
      const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
        Home: [-1e9, 0], End: [1e9, 0] }[event.key] ?? [0, 0];
      if (!across && !down) return;
      event.preventDefault();
      this.read(this.moved(this.cursor ?? this.start(), across, down));
      this.chosen();
    });
    let frame = 0;
    const later = this.later = () => { frame ||= requestAnimationFrame(() => { frame = 0; this.draw(); }); };
    this.attempts = 0;
    new ResizeObserver(later).observe(this.element);
    const themes = new MutationObserver(later);
    // A panel that comes into view is drawn anew, since JupyterLab leaves cells that are out of view as they were. One
    // that has left the page listens no longer.
    new IntersectionObserver(() => {
      if (!this.element.isConnected) return themes.disconnect();
      themes.observe(document.body, { attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
      later();
    }).observe(this.element);
  }

  addTable() {
    const table = make("table", { className: "lk-table" });
    const scroll = keepKeys(make("div", { className: "lk-scroll", tabIndex: 0 }, table));
    this.details = make("details", {}, keepKeys(make("summary", { textContent: this.labels.table })), scroll);
    this.details.addEventListener("toggle", () => this.fill());
    this.fill = () => this.details.open && fillRows(table, ...this.rows());
    this.element.append(this.details);
  }

  chosen() {}

  read(cursor) {
    this.cursor = cursor;
    this.draw();
  }

  draw() {
    if (!this.description) return;
    this.resize?.();
    const { title, summary } = this.description;
    this.canvas.setAttribute("aria-label", [title, summary, this.hint].filter(Boolean).join(". "));
    this.fill?.();
    const surface = wipe(this.canvas);
    // JupyterLab hides a notebook while it changes the theme, too shortly for a ResizeObserver: try again for 2 s.
    if (!surface) {
      if (this.canvas.isConnected && this.attempts++ < 10) setTimeout(this.later, 200);
      return;
    }
    this.attempts = 0;
    this.paint(surface);
    this.readout.textContent = this.cursor === null ? " " : this.words(this.cursor);
  }

  get hint() { return this.labels.read; }

  number(value) { return Number.isFinite(value) ? digits(value) : this.labels.missing; }
}

class LinesPanel extends CanvasPanel {
  constructor(labels) {
    super(labels);
    this.legend = make("ul", { className: "lk-keys" });
    this.element.append(this.legend);
    this.addTable();
  }

  take() {
    const { names, places } = this.description;
    const numbers = this.buffers.map(floats);
    this.lines = places.map(([x, y], i) => ({ name: names[i], x: numbers[x], y: numbers[y],
      colour: this.labels.colours[i % this.labels.colours.length], dash: DASHES[i % DASHES.length] }));
    this.xs = [...new Set(this.lines.flatMap(({ x }) => [...x]))].filter(Number.isFinite).sort((a, b) => a - b);
    this.legend.replaceChildren(...(names.length < 2 ? [] : this.lines.map(({ name, colour, dash }) =>
      make("li", {}, swatch(colour, dash), name))));
  }

  // The cursor is an x at which there is a point.
  at(pixels) { return this.fromX && this.xs.length ? nearest(this.xs, this.fromX(pixels)) : null; }

  start() { return this.xs.at(-1) ?? null; }

  moved(cursor, across) {
    const apart = Math.max(1, Math.round(this.xs.length / 50));
    const place = this.xs.indexOf(nearest(this.xs, cursor));
    return this.xs[clamp(place + across * apart, 0, this.xs.length - 1)];
  }

  words(cursor) {
    const values = this.lines.map(({ name, x, y }) => {
      const at = nearest(x, cursor);
      const value = `${this.lines.length > 1 ? `${name} ` : ""}${this.number(y[x.indexOf(at)])}`;
      return at === cursor ? value : null;
    });
    return `${this.description.x || "x"} ${digits(cursor, 6)}: ${values.filter(Boolean).join(", ")}`;
  }

  rows() {
    const { x, y } = this.description;
    return [["", x || "x", y || this.labels.value], this.lines.flatMap((line) =>
      [...line.x].map((at, i) => [line.name, digits(at, 6), this.number(line.y[i])]))];
  }

  paint(surface) {
    const { c, height, width, ink } = surface;
    const { x, y, log, log_x: logX, x_range: xs, y_range: ys } = this.description;
    const yAxis = { low: ys[0], high: ys[1], log, name: y };
    const pad = padFor(surface, yAxis);
    const { toX, toY, fromX } = drawAxes(surface, { low: xs[0], high: xs[1], log: logX, name: x }, yAxis, pad);
    this.fromX = fromX;
    c.save();
    c.beginPath();
    c.rect(pad.left, pad.top - 4, width - pad.left - pad.right + 4, height - pad.top - pad.bottom + 8);
    c.clip();
    c.lineWidth = 2;
    for (const line of this.lines) {
      c.strokeStyle = c.fillStyle = line.colour;
      c.setLineDash(line.dash);
      let piece = [];
      const pieces = [piece];
      line.x.forEach((at, i) => {
        const drawn = Number.isFinite(at) && Number.isFinite(line.y[i]) && (!log || line.y[i] > 0) && (!logX || at > 0);
        if (drawn) piece.push([toX(at), toY(line.y[i])]);
        else pieces.push(piece = []);
      });
      for (const points of pieces) {
        if (points.length > 1) stroke(c, points);
        if (line.x.length < 15) points.forEach(([px, py]) => { c.beginPath(); c.arc(px, py, 3, 0, 7); c.fill(); });
      }
    }
    c.restore();
    if (this.cursor === null) return;
    c.setLineDash([]);
    c.strokeStyle = ink;
    c.lineWidth = 1;
    stroke(c, [[toX(this.cursor), PAD.top], [toX(this.cursor), height - PAD.bottom]]);
  }
}

// A short piece of a line for a legend, so that dashes tell curves apart where colours do not.
function swatch(colour, dash) {
  const [svg, line] = ["svg", "line"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  for (const [name, value] of Object.entries({ x1: 0, x2: 34, y1: 5, y2: 5, stroke: colour, "stroke-width": 2.5,
    "stroke-dasharray": dash.join(" ") })) line.setAttribute(name, value);
  svg.setAttribute("width", 34);
  svg.setAttribute("height", 10);
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  return svg;
}

// Bars lie one below the other, so that long names can be read.
class BarsPanel extends CanvasPanel {
  constructor(labels) {
    super(labels);
    this.addTable();
  }

  take() { this.values = floats(this.buffers[0]); }

  resize() { this.canvas.style.height = `${clamp(22 * this.values.length + 44, 120, 260)}px`; }

  at(px, py) { return clamp(Math.floor((py - PAD.top) / this.row), 0, this.values.length - 1); }

  start() { return 0; }

  moved(cursor, across, down) { return clamp(cursor + across + down, 0, this.values.length - 1); }

  words(cursor) { return `${this.description.names[cursor]}: ${this.number(this.values[cursor])}`; }

  rows() {
    const { names, y } = this.description;
    return [[this.labels.name, y || this.labels.value], names.map((name, i) => [name, this.number(this.values[i])])];
  }

  paint(surface) {
    const { c, height, width, ink } = surface;
    const { names, y, log, y_range: range } = this.description;
    const longest = Math.max(...names.map((name) => c.measureText(name).width));
    const pad = { ...PAD, left: clamp(longest + 14, 40, 0.45 * width), right: 56 };
    const row = this.row = (height - pad.top - pad.bottom) / names.length;
    const { toX } = drawAxes(surface, { low: range[0], high: range[1], log, name: y }, { hidden: true }, pad);
    const base = toX(log ? range[0] : clamp(0, range[0], range[1]));
    const every = Math.ceil(12 / row);      // names that would overlap are left out; the readout has them all
    c.lineWidth = 1;
    names.forEach((name, i) => {
      const top = pad.top + i * row, value = this.values[i];
      const end = toX(clamp(Number.isFinite(value) ? value : range[0], range[0], range[1]));
      c.fillStyle = this.labels.colours[0];
      if (Number.isFinite(value) && (!log || value > 0)) {
        c.fillRect(Math.min(base, end), top + 0.12 * row, Math.max(1, Math.abs(end - base)), 0.76 * row);
      }
      c.fillStyle = ink;
      if (i === this.cursor) {
        c.strokeStyle = ink;
        c.strokeRect(pad.left - 0.5, top + 0.5, width - pad.left - pad.right + 1, row - 1);
      }
      if (i % every) return;
      c.textAlign = "right";
      c.fillText(name, pad.left - 6, top + row / 2, pad.left - 8);
      c.textAlign = "left";
      if (every === 1) c.fillText(Number.isFinite(value) ? digits(value, 3) : "–", Math.max(base, end) + 4, top + row / 2);
    });
    c.strokeStyle = ink;
    stroke(c, [[base, pad.top], [base, height - pad.bottom]]);
  }
}
