// Questions with radio buttons. An answer is marked when it is chosen, and cannot be changed then.

function render({ model, el, kernel = true }) {
  const labels = model.get("labels");
  el.classList.add("labkit-live", "lk-self-test");
  const list = make("ol");
  const score = make("div", { className: "lk-status" });
  score.setAttribute("role", "status");
  const again = keepKeys(make("button", { type: "button", textContent: labels.again, hidden: !kernel }));
  again.addEventListener("click", () => model.send({ again: true }));
  el.append(make("strong", { textContent: labels.title }), list, score, again);

  let items = [];
  function draw() {
    items = model.get("questions").map((question, i) => {
      const name = freshId();
      const inputs = question.options.map((option, place) => {
        const input = keepKeys(make("input", { type: "radio", name, value: place }));
        input.addEventListener("change", () => choose(i, place));
        return input;
      });
      const verdict = make("p", { className: "lk-verdict" });
      verdict.setAttribute("role", "status");
      const answers = question.options.map((option, place) => make("label", {}, inputs[place], ` ${option}`));
      const item = make("li", {}, make("fieldset", {}, make("legend", { textContent: question.text }), ...answers), verdict);
      return { question, inputs, verdict, item };
    });
    list.replaceChildren(...items.map(({ item }) => item));
    mark();
  }

  function choose(i, place) {
    const choices = [...model.get("choices")];
    choices[i] = place;
    model.set("choices", choices);
    model.save_changes();
    mark();
  }

  function mark() {
    const choices = model.get("choices");
    let right = 0, answered = 0;
    items.forEach(({ question, inputs, verdict, item }, i) => {
      const choice = choices[i] ?? -1;
      const good = choice === question.answer;
      inputs.forEach((input, place) => {
        input.checked = place === choice;
        // The chosen one keeps the focus; the others can no longer be reached.
        input.disabled = choice >= 0 && place !== choice;
      });
      if (choice < 0) { delete item.dataset.mark; verdict.textContent = ""; return; }
      answered += 1;
      right += good;
      item.dataset.mark = good ? "right" : "wrong";
      const said = good ? labels.right : labels.wrong.replace("{answer}", () => question.options[question.answer]);
      const text = `${said} ${question.why} ${question.where}`;
      if (verdict.textContent !== text) verdict.textContent = text;
    });
    score.textContent = labels.score.replace("{right}", right).replace("{answered}", answered)
      .replace("{left}", items.length - answered);
  }

  draw();
  model.on("change:questions", draw);
  model.on("change:choices", mark);
  return () => { model.off("change:questions", draw); model.off("change:choices", mark); };
}

export default live(render);
