// The controls of a lab. Writes `values` or `goal` when a control is released, `command` when a button is pressed.
let counter = 0;

// A log slider moves over 0..200; values keep two significant digits, so that they can be read and repeated.
const toValue = (c, position) => c.kind === "log"
  ? Math.min(c.high, Math.max(c.low, Number((c.low * (c.high / c.low) ** (position / 200)).toPrecision(2))))
  : Number(position);
const toPosition = (c, value) => c.kind === "log"
  ? Math.round(200 * Math.log(value / c.low) / Math.log(c.high / c.low))
  : value;
const shown = (c, value) => c.kind === "log" && value < 0.001 ? value.toExponential() : String(value);

function makeControl(c, labels, commit) {
  const id = `lk-${++counter}`;
  const readout = make("output", { className: "lk-readout" });
  let input;
  if (c.kind === "choice") {
    input = make("select", {}, ...c.options.map((option, i) => make("option", { value: i, textContent: option })));
    input.addEventListener("change", () => commit(c.options[input.value]));
  } else if (c.kind === "toggle") {
    input = make("input", { type: "checkbox" });
    input.addEventListener("change", () => commit(input.checked));
  } else {
    const [min, max] = c.kind === "log" ? [0, 200] : [c.low, c.high];
    input = make("input", { type: "range", min, max, step: 1 });
    input.addEventListener("input", () => say(toValue(c, input.value)));
    input.addEventListener("change", () => commit(toValue(c, input.value)));
  }
  function say(value) {
    const text = c.kind === "toggle" ? (value ? labels.on : labels.off) : shown(c, value);
    readout.textContent = c.kind === "choice" ? c.unit : `${text} ${c.unit}`.trim();
    if (input.type === "range") input.setAttribute("aria-valuetext", readout.textContent);
  }
  input.id = id;
  input.name = c.name;
  input.setAttribute("aria-describedby", `${id}-help`);
  const row = make("div", { className: "lk-control" },
    make("label", { htmlFor: id, textContent: c.label }), input, readout,
    make("small", { id: `${id}-help`, textContent: c.help }));
  function set(value) {
    if (c.kind === "choice") input.value = c.options.indexOf(value);
    else if (c.kind === "toggle") input.checked = value;
    else input.value = toPosition(c, value);
    say(value);
  }
  return { row, set };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const controls = model.get("controls");
  const send = (name) => {
    model.set("command", { name, count: (model.get("command").count ?? 0) + 1 });
    model.save_changes();
  };
  el.classList.add("labkit-live", "lk-controls");

  const rows = controls.map((c) => [c, makeControl(c, labels, (value) => {
    model.set("values", { ...model.get("values"), [c.name]: value });
    model.save_changes();
  })]);
  const settings = make("div", { className: "lk-settings" }, ...rows.map(([, control]) => control.row));
  settings.setAttribute("role", "group");
  settings.setAttribute("aria-label", labels.settings);
  const buttons = make("div", { className: "lk-buttons" },
    ...["stop", "resume", "restart", "new_seed", "clear"].map((name) => {
      const button = make("button", { type: "button", name, textContent: labels[name] });
      button.addEventListener("click", () => send(name));
      return button;
    }));
  for (const [name, goal] of Object.entries(model.get("goal"))) {
    const input = make("input", { type: "number", name: "goal", value: goal, step: 0.01 });
    input.addEventListener("change", () => {
      if (!input.value) return;
      model.set("goal", { ...model.get("goal"), [name]: Number(input.value) });
      model.save_changes();
    });
    buttons.append(make("label", { className: "lk-goal" }, `${labels.goals[name]} `, input));
  }
  el.append(settings, buttons);

  el.querySelectorAll("input, select, button").forEach(keepKeys);
  const update = () => rows.forEach(([c, control]) => control.set(model.get("values")[c.name]));
  update();
  model.on("change:values", update);
  return () => model.off("change:values", update);
}

export default { render };
