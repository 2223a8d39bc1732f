// A field for a file. Sends its bytes when it is chosen; of a file over the limit only its name and size.

function render({ model, el }) {
  const labels = model.get("labels");
  el.classList.add("labkit-live", "lk-upload");
  const id = freshId();
  const input = keepKeys(make("input", { type: "file", id, accept: model.get("accept") }));
  const note = make("small", { id: `${id}-note`, textContent: labels.note });
  input.setAttribute("aria-describedby", note.id);
  const status = make("div", { className: "lk-status" });
  status.setAttribute("role", "status");
  const error = make("div", { className: "lk-error" });
  error.setAttribute("role", "alert");
  el.append(make("label", { htmlFor: id, textContent: labels.label }), input, note, status, error);

  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    status.textContent = labels.sending;
    error.textContent = "";
    try {
      const content = file.size > model.get("limit") ? [] : [await file.arrayBuffer()];
      model.send({ name: file.name, size: file.size }, undefined, content);
    } catch (problem) {     // the file was moved or may not be read
      status.textContent = "";
      error.textContent = String(problem);
    }
    input.value = "";       // so that the same file, corrected, can be chosen again
  });

  function update() {
    status.textContent = model.get("status");
    error.textContent = model.get("error");
  }

  update();
  for (const name of ["answered", "status", "error"]) model.on(`change:${name}`, update);
  return () => { for (const name of ["answered", "status", "error"]) model.off(`change:${name}`, update); };
}

export default live(render);
