// One range per operation beside the contact sheet. The page writes `values` and `used`; the kernel alone writes
// the sheet's model. Every text comes from Python, which translates it, and is set as text, never as HTML.

function slider(operation, off, id, moved) {
  const input = keepKeys(make("input",
    { type: "range", id, min: 0, max: operation.max, step: operation.step }));
  const shown = make("span", { ariaHidden: "true" });     // the input says it itself, as aria-valuetext
  const help = make("p", { id: `${id}-help`, textContent: operation.help });
  const tell = () => {
    const value = Number(input.value);
    shown.textContent = value ? operation.shown.replace("{value}", value) : off;
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.setAttribute("aria-describedby", help.id);
  input.addEventListener("input", tell);                                          // while it moves
  input.addEventListener("change", () => moved(operation.name, Number(input.value)));     // on release
  return {
    element: make("div", { className: "slider" },
      make("label", { htmlFor: id, textContent: operation.label }), shown, input, help),
    place(value) { input.value = value; tell(); },
  };
}

async function render({ model, el, host, signal }) {
  const sheet = await host.getModel(model.get("sheet"));
  const page = model.get("page");
  const view = freshId();
  el.classList.add("labkit-live", "labkit-augmentation");

  const moved = (name, value) => {
    model.set("values", { ...model.get("values"), [name]: value });
    model.save_changes();
  };
  const sliders = page.sliders.map((operation) =>
    ({ name: operation.name, ...slider(operation, page.off, `${view}-${operation.name}`, moved) }));
  const place = () => sliders.forEach(({ name, place }) => place(model.get("values")[name]));

  const columns = make("div", { className: "columns", ariaHidden: "true" },
    ...page.columns.map((textContent) => make("span", { textContent })));
  const image = make("img");
  const status = make("p", { role: "status" });
  const error = make("p", { role: "alert" });
  const use = keepKeys(make("button", { type: "button", textContent: page.use }));
  use.addEventListener("click", () => {
    model.set("used", model.get("used") + 1);
    model.save_changes();
  });

  image.addEventListener("load", () => {
    columns.style.width = image.style.width = `${image.naturalWidth * page.zoom}px`;
  });
  const draw = () => {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(new Blob([sheet.get("png")], { type: "image/png" }));
  };
  const report = () => {
    image.alt = sheet.get("alt");
    status.textContent = sheet.get("status");
    error.textContent = sheet.get("error");
  };

  model.on("change:values", place);
  sheet.on("change:png", draw);
  sheet.on("change:alt", report);
  sheet.on("change:status", report);
  sheet.on("change:error", report);
  signal.addEventListener("abort", () => URL.revokeObjectURL(image.src));   // anywidget drops the listeners
  place();
  draw();
  report();
  const group = make("div", { role: "group", className: "sliders", ariaLabel: page.title },
    ...sliders.map(({ element }) => element));
  el.append(group, make("div", { className: "result" }, columns, image, status, use, error));
}

export default live(render);
