// The controls of a lab. Writes `values` or `goal` when a control is released, `command` when a button is pressed.

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

export default live(render);
