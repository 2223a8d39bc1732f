// Draws panels (panels.py) in the page. Needs axes.js before it: still.py's script("axes.js", "panels.js", "yours.js"),
// with panels.css in the widget's style: still.py's style("panels.css").
//
//   drawPanels(element, model.get("panels"), model.get("labels"), onPick)
//
// `panels` is packet() of panels.py: [{ name, description, buffers }]; `labels` is labels() of panels.py. Call it again
// with other panels and each is redrawn in its place: focus, cursor and open table stay. It returns a Map from the
// names to the panels, each with `element`, `update(description, buffers)` and, of an image, `mark(x, y)`, which shows
// the chosen point. `onPick(name, x, y)`, if given, hears of points chosen on images by click or arrow keys, in the
// image's own coordinates (x_range, y_range); `onPick.names`, if set, lists the images that can be picked on.
// Panels follow the width and the theme of the page by themselves, and read nothing from the kernel.

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
    // Another theme changes the colour of the canvas, which panels.css makes a transition; JupyterLab may break it off.
    for (const event of ["transitionend", "transitioncancel"]) this.canvas.addEventListener(event, later);
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
    const { toX, toY, fromX } = drawAxes(surface, { low: xs[0], high: xs[1], log: logX, name: x },
      { low: ys[0], high: ys[1], log, name: y });
    this.fromX = fromX;
    c.save();
    c.beginPath();
    c.rect(PAD.left, PAD.top - 4, width - PAD.left - PAD.right + 4, height - PAD.top - PAD.bottom + 8);
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

class ImagePanel extends CanvasPanel {
  constructor(labels, onPick) {
    super(labels);
    this.onPick = onPick;
    this.point = null;          // the chosen point, in the image's coordinates
    this.scale = make("div", { className: "lk-scale" });
    this.readout.before(this.scale);
    if (onPick) {
      this.canvas.classList.add("lk-pick");
      this.canvas.addEventListener("pointerdown", (event) => {
        this.mark(...this.coordinates(event.offsetX, event.offsetY));
        this.onPick(...this.point);
      });
    }
  }

  get hint() { return this.onPick ? this.labels.pick : this.labels.read; }

  mark(x, y) {
    this.point = [x, y];
    this.draw();
  }

  take() {
    const { size, colours, empty, range, offset, unit, missing, marks } = this.description;
    [this.rows, this.columns] = size.slice(-2);
    const data = this.data = bytesOf(this.buffers[0]), count = this.rows * this.columns;
    const pixels = new ImageData(this.columns, this.rows);
    const table = colours && Array.from({ length: 256 }, (_, byte) => (missing && byte === 255 ? [...empty, 255]
      : [...between(colours, (offset + unit * byte - range[0]) / (range[1] - range[0])), 255]));
    for (let i = 0; i < count; i++) {
      pixels.data.set(table ? table[data[i]] : [data[i], data[count + i], data[2 * count + i], 255], 4 * i);
    }
    this.picture = make("canvas", { width: this.columns, height: this.rows });
    this.picture.getContext("2d").putImageData(pixels, 0, 0);
    const at = marks ? this.buffers.slice(1).map(floats) : [[], []];
    this.marks = [...at[1]].map((text, i) => [at[0][2 * i], at[0][2 * i + 1], marks[text]]);
    this.scale.hidden = !colours;
    if (!colours) return;
    const bar = make("i");
    bar.style.background = `linear-gradient(to right, ${colours.map((stop) => `rgb(${stop.join(",")})`).join(",")})`;
    this.scale.replaceChildren(digits(range[0], 3), bar, digits(range[1], 3));
    if (this.cursor && (this.cursor[0] >= this.columns || this.cursor[1] >= this.rows)) this.cursor = null;
  }

  // Square pixels, as large as the panel allows.
  resize() {
    this.pad = this.description.axes ? { left: 40, right: 12, top: 6, bottom: 20 } : { left: 1, right: 1, top: 1, bottom: 1 };
    const { left, right, top, bottom } = this.pad;
    if (!this.element.clientWidth) return;
    const room = this.element.clientWidth - left - right;
    this.zoom = Math.max(0.1, Math.min(room / this.columns, 240 / this.rows));
    this.canvas.style.width = `${this.columns * this.zoom + left + right}px`;
    this.canvas.style.height = `${this.rows * this.zoom + top + bottom}px`;
  }

  // The image's coordinates are those of the pixels' centres. `down` is the row as drawn, `row` the row of the data.
  coordinates(px, py) {
    const column = clamp((px - this.pad.left) / this.zoom, 0, this.columns) - 0.5;
    const down = clamp((py - this.pad.top) / this.zoom, 0, this.rows) - 0.5;
    const { x, y, up } = this.description;
    const share = (place, count) => place / Math.max(1, count - 1);
    return [x[0] + share(column, this.columns) * (x[1] - x[0]),
      y[0] + share(up ? this.rows - 1 - down : down, this.rows) * (y[1] - y[0])];
  }

  pixels(x, y) {
    const { x: xs, y: ys, up } = this.description;
    const place = (v, [low, high], count) => (v - low) / (high - low) * Math.max(1, count - 1);
    const row = place(y, ys, this.rows);
    return [this.pad.left + (place(x, xs, this.columns) + 0.5) * this.zoom,
      this.pad.top + ((up ? this.rows - 1 - row : row) + 0.5) * this.zoom];
  }

  // The cursor is [column, row as drawn].
  at(px, py) {
    return [clamp(Math.floor((px - this.pad.left) / this.zoom), 0, this.columns - 1),
      clamp(Math.floor((py - this.pad.top) / this.zoom), 0, this.rows - 1)];
  }

  start() {
    const { width = this.columns, height = this.rows } = this.description.tile ?? {};       // of tiles, in the first
    return this.point ? this.at(...this.pixels(...this.point)) : [(width - 1) >> 1, (height - 1) >> 1];
  }

  moved([column, down], across, further) {
    return [clamp(column + across, 0, this.columns - 1), clamp(down + further, 0, this.rows - 1)];
  }

  chosen() {
    if (!this.onPick) return;
    this.mark(...this.coordinates(...this.middle(this.cursor)));
    this.onPick(...this.point);
  }

  middle([column, down]) {
    return [this.pad.left + (column + 0.5) * this.zoom, this.pad.top + (down + 0.5) * this.zoom];
  }

  words(cursor) {
    const { axes, up, size, offset, unit, missing, tile } = this.description;
    const [column, row] = [cursor[0], up ? this.rows - 1 - cursor[1] : cursor[1]];
    const at = row * this.columns + column, count = this.rows * this.columns;
    const [x, y] = this.coordinates(...this.middle(cursor));
    let where = axes ? `x ${digits(x, 3)}, y ${digits(y, 3)}` : `${this.labels.row} ${row}, ${this.labels.column} ${column}`;
    if (tile) {
      const [down, across] = [row % (tile.height + 1), column % (tile.width + 1)];
      const number = Math.floor(row / (tile.height + 1)) * tile.across + Math.floor(column / (tile.width + 1));
      if (down === tile.height || across === tile.width || number >= tile.count) return " ";
      where = `${tile.name} ${number}, ${this.labels.row} ${down}, ${this.labels.column} ${across}`;
    }
    if (size.length === 3) return `${where}: ${[0, 1, 2].map((i) => this.data[i * count + at]).join(", ")}`;
    return `${where}: ${missing && this.data[at] === 255 ? this.labels.missing : digits(offset + unit * this.data[at], 3)}`;
  }

  paint(surface) {
    const { c, width, height, ink, line } = surface;
    const { axes, up, x, y } = this.description;
    const { left, right, top, bottom } = this.pad;
    const [w, h] = [width - left - right, height - top - bottom];
    c.imageSmoothingEnabled = false;
    c.save();
    if (up) { c.translate(0, 2 * top + h); c.scale(1, -1); }
    c.drawImage(this.picture, left, top, w, h);
    c.restore();
    c.strokeStyle = line;
    c.strokeRect(left - 0.5, top - 0.5, w + 1, h + 1);
    if (axes) {
      c.textBaseline = "middle";
      c.textAlign = "center";
      for (const v of ticks(x[0], x[1])) c.fillText(digits(v, 3), this.pixels(v, y[0])[0], height - bottom + 10);
      c.textAlign = "right";
      for (const v of ticks(y[0], y[1])) c.fillText(digits(v, 3), left - 6, this.pixels(x[0], v)[1]);
    }
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineJoin = "round";
    for (const [mx, my, text] of this.marks) {
      const at = this.pixels(mx, my);
      c.strokeStyle = "white";
      c.lineWidth = 3;
      c.strokeText(text, ...at);
      c.fillStyle = "black";
      c.fillText(text, ...at);
    }
    if (this.point) {
      const [px, py] = this.pixels(...this.point);
      for (const [colour, thick] of [["white", 5], ["black", 2]]) {
        c.strokeStyle = colour;
        c.lineWidth = thick;
        c.beginPath();
        c.arc(px, py, 7, 0, 7);
        c.stroke();
      }
    }
    if (this.cursor) {
      const [cx, cy] = this.middle(this.cursor), side = Math.max(this.zoom, 5);
      for (const [colour, thick] of [["white", 3], ["black", 1]]) {
        c.strokeStyle = colour;
        c.lineWidth = thick;
        c.strokeRect(cx - side / 2, cy - side / 2, side, side);
      }
    }
    c.fillStyle = c.strokeStyle = ink;
  }
}

// The colour at `share` (0 to 1) of the way through evenly spaced colours.
function between(colours, share) {
  const at = clamp(share, 0, 1) * (colours.length - 1);
  const [from, to] = [colours[Math.floor(at)], colours[Math.ceil(at)]];
  return from.map((value, i) => Math.round(value + (at % 1) * (to[i] - value)));
}

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
