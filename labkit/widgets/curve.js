// The curves of a lab on canvas, with axes.js. Reads the packets of curve.py; writes nothing to the kernel.
const quantity = (name) => name.replace(/^(train|validation)_/, "");
const titleOf = (labels, what) => (Object.hasOwn(labels, what) ? labels[what] : what.replaceAll("_", " "));
const isValidation = (name) => name.startsWith("validation_");

// One run: its series with typed arrays cut out of the packet.
function unpack(runs, bytes) {
  const aligned = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  let at = 0;
  const take = (length) => new Float32Array(aligned, 4 * (at += length) - 4 * length, length);
  return runs.map((run) => ({
    ...run, series: run.series.map(({ name, length }) => ({ name, x: take(length), y: take(length) })),
  }));
}

class Panel {
  constructor(what, labels) {
    this.what = what;
    this.labels = labels;
    this.cursor = null;         // the step that is read, or null
    this.canvas = keepKeys(make("canvas", { tabIndex: 0 }));     // the arrow keys read the curve
    this.canvas.setAttribute("role", "img");
    this.readout = make("output", { className: "lk-readout", textContent: " " });
    this.element = make("div", { className: "lk-panel" }, this.canvas, this.readout);
    this.canvas.addEventListener("pointermove", (event) => this.read(this.toStep(event.offsetX)));
    this.canvas.addEventListener("pointerdown", (event) => this.read(this.toStep(event.offsetX)));
    this.canvas.addEventListener("pointerleave", () => this.read(null));
    this.canvas.addEventListener("focus", () => this.cursor === null && this.read(this.lastStep));
    this.canvas.addEventListener("blur", () => this.read(null));
    this.canvas.addEventListener("keydown", (event) => {
      const jump = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
      if (!jump) return;
      this.read((this.cursor ?? this.lastStep) + jump * Math.max(1, this.lastStep / 50));
      event.preventDefault();
    });
  }

  lines() {
    return this.runs.flatMap((run) => run.series.filter((s) => quantity(s.name) === this.what && s.x.length)
      .map((s) => ({ run, ...s })));
  }

  draw(runs, goal, log) {
    Object.assign(this, { runs, goal, log });
    const surface = wipe(this.canvas);
    if (!surface) return;
    const { c, width, height, ink } = surface;
    const lines = this.lines();
    const ys = lines.map((l) => l.y.filter((v) => Number.isFinite(v) && (!log || v > 0)))
      .filter((values) => values.length).flatMap((values) => (log ? [...values] : extent(values)));
    if (goal !== undefined) ys.push(goal);
    let low = Math.min(...ys), high = Math.max(...ys);
    if (!ys.length) [low, high] = [0.1, 1];
    if (low === high) [low, high] = [low * 0.9, high * 1.1 + 1e-9];
    // The axis holds the whole run from its start, so that a curve grows into its place.
    const steps = Math.max(...runs.map((run) => run.steps), ...lines.map((line) => line.x.at(-1)));
    const { toX, toY, fromX } = drawAxes(surface, { low: 0, high: steps, name: this.labels.step },
      { low, high, log, name: titleOf(this.labels, this.what) });
    Object.assign(this, { toX, toStep: fromX });

    c.save();
    c.beginPath();
    c.rect(PAD.left, 0, width, height - PAD.bottom + 4);
    c.clip();
    for (const line of lines) {
      c.strokeStyle = c.fillStyle = line.run.colour;
      c.lineWidth = line.run.ghost ? 1 : 2;
      c.globalAlpha = line.run.ghost ? 0.7 : 1;
      c.setLineDash(isValidation(line.name) ? [6, 4] : []);
      const points = [];
      line.x.forEach((x, i) => Number.isFinite(line.y[i]) && (!log || line.y[i] > 0)
        && points.push([this.toX(x), toY(line.y[i])]));
      stroke(c, points);
      if (isValidation(line.name) || points.length === 1) {
        points.forEach(([x, y]) => { c.beginPath(); c.arc(x, y, 2.5, 0, 7); c.fill(); });
      }
    }
    c.restore();
    if (goal !== undefined) {
      c.strokeStyle = c.fillStyle = ink;
      c.lineWidth = 1;
      c.setLineDash([2, 3]);
      stroke(c, [[PAD.left, toY(goal)], [width - PAD.right, toY(goal)]]);
      c.textAlign = "right";
      c.fillText(`${this.labels.goal} ${goal}`, width - PAD.right, toY(goal) + (toY(goal) < PAD.top + 16 ? 9 : -8));
    }
    if (this.cursor !== null) {
      c.strokeStyle = ink;
      c.setLineDash([]);
      c.lineWidth = 1;
      stroke(c, [[this.toX(this.cursor), PAD.top], [this.toX(this.cursor), height - PAD.bottom]]);
    }
    this.readout.textContent = this.words();
  }

  get lastStep() {
    const reached = (run) => Math.max(0, ...run.series.map((s) => s.x.at(-1) ?? 0));
    return reached(this.runs.at(-1)) || Math.max(...this.runs.map(reached));
  }

  read(step) {
    const steps = this.lines().flatMap((line) => [...line.x]);
    this.cursor = step === null || !steps.length ? null : nearest(steps, step);
    this.draw(this.runs, this.goal, this.log);
  }

  // What the curves say at the cursor, the run in hand first; a value of another step names its step.
  words() {
    if (this.cursor === null) return " ";
    const value = (line) => {
      const at = nearest(line.x, this.cursor);
      const kind = isValidation(line.name) ? this.labels.validation : this.labels.train;
      const where = at === this.cursor ? "" : ` (${this.labels.step} ${at})`;
      return `${kind} ${line.y[line.x.indexOf(at)].toPrecision(3)}${where}`;
    };
    const runs = this.runs.toReversed().map((run) => [run, this.lines().filter((line) => line.run === run)])
      .filter(([, lines]) => lines.some((line) => line.x.at(-1) >= this.cursor));
    return `${this.labels.step} ${this.cursor}: `
      + runs.map(([run, lines]) => `#${run.number} ${lines.map(value).join(", ")}`).join(" · ");
  }
}

// The lowest and highest value to show of one line. A spike far above the rest is cut off at the frame.
function extent(values) {
  const sorted = values.toSorted();
  const [low, high] = [0.02, 0.98].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
  return [sorted[0], Math.min(sorted.at(-1), high + (high - low))];
}

function render({ model, el }) {
  const labels = model.get("labels");
  el.classList.add("labkit-live", "lk-curve");

  const log = keepKeys(make("input", { type: "checkbox", name: "log" }));
  const panels = new Map();
  const panelBox = make("div", { className: "lk-panels" });
  const legend = make("ul", { className: "lk-legend" });
  const key = make("ul", { className: "lk-legend lk-key" });
  const status = make("div", { className: "lk-status" });
  const spoken = make("div", { className: "lk-spoken" });
  spoken.setAttribute("role", "status");
  const table = make("table");
  const details = make("details", {}, keepKeys(make("summary", { textContent: labels.table })), table);
  el.append(
    make("div", { className: "lk-head" }, make("strong", { textContent: labels.title }),
      make("label", {}, log, ` ${labels.log}`)),
    status, panelBox, key, legend, details, spoken);

  let lastSpoken = 0;
  function update() {
    const now = model.get("now");
    if (!now.series) return;
    const runs = [
      ...unpack(model.get("past"), model.get("past_points")).map((run) => ({ ...run, ghost: true })),
      ...unpack([now], model.get("now_points")),
    ];
    for (const what of new Set(runs.flatMap((run) => run.series.map((s) => quantity(s.name))))) {
      if (panels.has(what)) continue;
      panels.set(what, new Panel(what, labels));
      panelBox.append(panels.get(what).element);
    }
    for (const [what, panel] of panels) {
      const goal = Object.entries(now.goal).find(([name]) => quantity(name) === what);
      panel.draw(runs, goal?.[1], log.checked);
      panel.canvas.setAttribute("aria-label", `${titleOf(labels, what)}. ${now.summary}. ${labels.keys}`);
    }
    status.textContent = now.status;
    el.dataset.state = now.state;
    legend.replaceChildren(...runs.map((run) => {
      const item = make("li", { textContent: run.legend });
      item.style.setProperty("--lk-run", run.colour);
      if (run.ghost) item.classList.add("lk-ghost");
      return item;
    }));
    const kinds = new Set(runs.flatMap((run) => run.series.map((s) => isValidation(s.name))));
    key.replaceChildren(...(kinds.size < 2 ? [] : ["train", "validation"]).map((kind) =>
      make("li", { className: `lk-${kind}`, textContent: labels[kind] })));
    if (details.open) fillTable(table, runs, labels);
    if (Date.now() - lastSpoken > 5000 || now.state !== "training") {
      lastSpoken = Date.now();
      spoken.textContent = now.summary;
    }
  }

  const events = ["change:now", "change:now_points", "change:past_points"];
  // Python sends a description and its points together; both have arrived when the next frame is drawn.
  let frame = 0;
  const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };
  events.forEach((event) => model.on(event, later));
  log.addEventListener("change", update);
  details.addEventListener("toggle", update);
  const sizes = new ResizeObserver(later);
  sizes.observe(panelBox);
  const themes = new MutationObserver(later);
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  // JupyterLab styles no cell that is out of view, so curves that come into view are drawn anew.
  const views = new IntersectionObserver(later);
  views.observe(panelBox);
  update();
  return () => {
    events.forEach((event) => model.off(event, later));
    cancelAnimationFrame(frame);
    sizes.disconnect();
    themes.disconnect();
    views.disconnect();
  };
}

function fillTable(table, runs, labels) {
  const row = (cell, texts) => make("tr", {}, ...texts.map((text) => make(cell, { textContent: text })));
  table.replaceChildren(row("th", [labels.run, "", labels.step, labels.value]), ...runs.flatMap((run) =>
    run.series.filter((s) => s.x.length).map((s) => row("td", [
      run.legend, run.words[s.name], String(s.x.at(-1)), s.y.at(-1).toPrecision(4)]))));
}

export default live(render);
