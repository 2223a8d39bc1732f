// A question with radio buttons; writes `choice`.
let counter = 0;

function render({ model, el }) {
  el.classList.add("labkit-live", "lk-guess");
  const name = `lk-guess-${++counter}`;
  const field = document.createElement("fieldset");
  const question = document.createElement("legend");
  question.textContent = model.get("question");
  field.append(question);
  for (const option of model.get("options")) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name, value: option });
    input.dataset.lmSuppressShortcuts = "true";     // the arrow keys choose
    input.checked = option === model.get("choice");
    input.addEventListener("change", () => { model.set("choice", option); model.save_changes(); });
    const label = document.createElement("label");
    label.append(input, ` ${option}`);
    field.append(label);
  }
  el.append(field);
}

export default { render };
