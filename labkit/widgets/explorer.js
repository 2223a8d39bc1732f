// Controls above panels. The page writes `values` and `asked`; the kernel alone writes the drawing's model. The next
// values go out when the last ones have been answered, so a drag never floods the kernel, however long it draws.
const PATIENCE = 1000;      // ms after which a control that is released asks again: an answer may have been lost
const SPEECH = 5000;        // ms between two summaries for a screen reader

// JupyterLab's plotly renderer keeps a graph that it has: it ignores new data where it finds a .plot-container. While
// figures are replaced the class has another name; then Plotly.react draws the new data and keeps camera and zoom.
// React reads a turned camera from _fullLayout, where after a resize plotly 7.1 forgets to note it.
function renameGraphs(area, replacing) {
  const [from, to] = replacing ? ["plot-container", "lk-replaced"] : ["lk-replaced", "plot-container"];
  for (const container of area?.querySelectorAll(`.jp-RenderedPlotly > .${from}`) ?? []) {
    const { layout, _fullLayout: full } = container.parentElement;
    container.classList.replace(from, to);
    for (const name of replacing ? Object.keys(layout) : []) {
      if (layout[name]?.camera && full[name]) full[name].camera = layout[name].camera;
    }
  }
}

async function render({ model, el, host, signal }) {
  const drawing = await host.getModel(model.get("drawing"));
  const labels = model.get("labels");
  let values = model.get("values"), unsent = false, sentAt = 0;
  el.classList.add("labkit-live", "lk-explorer");

  const send = () => {
    unsent = false;
    sentAt = performance.now();
    model.set({ values, asked: model.get("asked") + 1 });
    model.save_changes();
    waiting();
  };
  const answered = () => model.get("asked") === drawing.get("answered");
  const move = (name, value, released) => {
    if (JSON.stringify(values[name]) === JSON.stringify(value) && !unsent) return;
    values = { ...values, [name]: value };
    unsent = true;
    if (answered() || (released && performance.now() - sentAt > PATIENCE)) send();
  };

  const controls = new Map(model.get("controls").map((c) => [c.name, {
    ...c, ...makeControl(c, labels, (value) => move(c.name, value, true), (value) => move(c.name, value, false)),
  }]));
  const points = [...controls.values()].filter(({ kind }) => kind === "point");
  const pick = (panel, x, y) => {
    const point = points.find((c) => c.panel === panel);
    point.set([x, y]);
    move(point.name, [x, y], true);
  };
  pick.names = points.map(({ panel }) => panel);

  const settings = make("div", { className: "lk-settings" }, ...[...controls.values()].map(({ row }) => row));
  settings.setAttribute("role", "group");
  settings.setAttribute("aria-label", labels.settings);
  const board = make("div");
  const printed = make("pre", { className: "lk-text" });
  const error = make("div", { className: "lk-error" });
  error.setAttribute("role", "alert");
  const status = make("div", { className: "lk-status" });
  const spoken = make("div", { className: "lk-spoken" });
  spoken.setAttribute("role", "status");
  el.append(make("strong", { textContent: labels.title, hidden: !labels.title }),
    settings, status, error, board, printed, spoken);
  settings.querySelectorAll("input, select").forEach(keepKeys);

  let timer = 0;
  function waiting() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!answered()) status.textContent = labels.waiting; }, 300);
  }
  const place = () => {
    values = model.get("values");
    unsent = false;
    controls.forEach(({ name, set }) => set(values[name]));
  };
  const draw = () => {
    const panels = drawPanels(board, drawing.get("panels"), labels, pick);
    for (const { name, panel } of points) panels.get(panel)?.mark?.(...values[name]);
    printed.textContent = drawing.get("printed");
    error.textContent = drawing.get("error");
  };
  let speech = 0, spokenAt = 0;
  const speak = () => {
    clearTimeout(speech);
    speech = setTimeout(() => {
      spokenAt = Date.now();
      spoken.textContent = drawing.get("summary");
    }, Math.max(300, spokenAt + SPEECH - Date.now()));
  };
  // A drawing comes as one message with several traits; all have arrived when the next frame is drawn.
  let frame = 0;
  const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(); }); };
  const next = () => {
    status.textContent = "";
    if (unsent && answered()) send();
  };
  const rename = () => renameGraphs(el.closest(".jp-OutputArea"), drawing.get("replacing"));

  model.on("change:values", place);
  for (const name of ["panels", "printed", "error", "summary"]) drawing.on(`change:${name}`, later);
  drawing.on("change:summary", speak);
  drawing.on("change:answered", next);
  drawing.on("change:replacing", rename);
  signal.addEventListener("abort", () => {        // anywidget drops the listeners
    clearTimeout(timer);
    clearTimeout(speech);
    cancelAnimationFrame(frame);
  });
  place();
  draw();
}

export default live(render);
