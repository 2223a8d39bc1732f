// A button for each step of a workflow. A click asks the kernel to run the step, and shows its code and output.

function render({ model, el, kernel = true }) {
  const [labels, steps] = ["labels", "steps"].map((name) => model.get(name));
  el.classList.add("labkit-live", "lk-steps");
  let chosen = null;

  const buttons = steps.map(({ name }, i) => {
    const button = keepKeys(make("button", { type: "button" },
      make("span", { textContent: `${i + 1}. ${name}` }), make("small")));
    button.addEventListener("click", () => {
      chosen = i;
      if (kernel) model.send({ run: i });
      update();
    });
    return button;
  });
  const list = make("ol", {}, ...buttons.map((button) => make("li", {}, button)));
  list.setAttribute("aria-label", labels.steps);
  const code = keepKeys(make("pre", { className: "lk-code", tabIndex: 0 }));
  const output = keepKeys(make("pre", { className: "lk-text", tabIndex: 0 }));
  for (const box of [code, output]) box.setAttribute("role", "region");
  const error = make("div", { className: "lk-error" });
  error.setAttribute("role", "alert");
  const status = make("div", { className: "lk-status" });
  status.setAttribute("role", "status");
  el.append(make("strong", { textContent: labels.title, hidden: !labels.title }), list, status, code, output, error);

  function update() {
    const progress = model.get("progress");
    buttons.forEach((button, i) => {
      button.dataset.state = progress[i].state;
      button.lastChild.textContent = labels[progress[i].state];
      button.toggleAttribute("aria-current", false);
    });
    const last = progress.findLastIndex(({ state }) => state !== "ready");
    const at = chosen ?? (last < 0 ? null : last);
    code.hidden = at === null;
    output.hidden = at === null || !progress[at].output;
    status.textContent = at === null ? labels.hint
      : `${at + 1}. ${steps[at].name}: ${labels[progress[at].state]}`;
    error.textContent = at === null ? "" : progress[at].error;
    if (at === null) return;
    buttons[at].setAttribute("aria-current", "step");
    code.textContent = steps[at].source;
    code.setAttribute("aria-label", labels.code.replace("{name}", () => steps[at].name));
    output.textContent = progress[at].output;
    output.setAttribute("aria-label", labels.output.replace("{name}", () => steps[at].name));
  }

  update();
  model.on("change:progress", update);
  return () => model.off("change:progress", update);
}

export default live(render);
