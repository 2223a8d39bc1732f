// A question with radio buttons; writes `choice`.

function render({ model, el }) {
  el.classList.add("labkit-live", "lk-guess");
  const name = freshId();
  const answers = model.get("options").map((option) => {
    const input = keepKeys(make("input", { type: "radio", name, value: option }));
    input.checked = option === model.get("choice");
    input.addEventListener("change", () => { model.set("choice", option); model.save_changes(); });
    return make("label", {}, input, ` ${option}`);
  });
  el.append(make("fieldset", {}, make("legend", { textContent: model.get("question") }), ...answers));
}

export default live(render);
