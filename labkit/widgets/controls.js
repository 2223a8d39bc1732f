// Native inputs for the controls of controls.py, with labels of their own; put before the view that uses them.

// A log slider moves over 0..200; values keep two significant digits, so that they can be read and repeated.
const toValue = (c, position) => c.kind === "log"
  ? Math.min(c.high, Math.max(c.low, Number((c.low * (c.high / c.low) ** (position / 200)).toPrecision(2))))
  : Number(position);
const toPosition = (c, value) => c.kind === "log"
  ? Math.round(200 * Math.log(value / c.low) / Math.log(c.high / c.low))
  : value;
const shown = (c, value) => c.kind === "log" && value < 0.001 ? value.toExponential() : String(value);

// Each maker returns the element that its label names, `place`, which shows a value in it, and `words`, which says
// the value beside the label. They call `moving` while a value changes, and `commit` when the learner has set it.
const makers = {
  choice(c, labels, commit) {
    const input = make("select", {}, ...c.shown.map((textContent, value) => make("option", { value, textContent })));
    input.addEventListener("change", () => commit(c.options[input.value]));
    return { input, place(value) { input.value = c.options.indexOf(value); }, words: () => c.unit };
  },

  toggle(c, labels, commit) {
    const input = make("input", { type: "checkbox" });
    input.addEventListener("change", () => commit(input.checked));
    return {
      input, place(value) { input.checked = value; },
      words: (value) => `${value ? labels.on : labels.off} ${c.unit}`,
    };
  },

  range(c, labels, commit, moving) {
    const [min, max] = c.kind === "log" ? [0, 200] : [c.low, c.high];
    const input = make("input", { type: "range", min, max, step: c.step ?? 1 });
    input.addEventListener("input", () => moving(toValue(c, input.value)));
    input.addEventListener("change", () => commit(toValue(c, input.value)));
    return {
      input, place(value) { input.value = toPosition(c, value); },
      words: (value) => `${shown(c, value)} ${c.unit}`,
    };
  },

  text(c, labels, commit, moving) {
    const input = make("input", { type: "text", maxLength: c.maximum, autocomplete: "off", spellcheck: false });
    let resting;
    const commitNow = () => { clearTimeout(resting); commit(input.value); };
    input.addEventListener("input", (event) => {
      clearTimeout(resting);
      if (event.isComposing) return;      // Chinese is typed in Latin letters first
      resting = setTimeout(() => moving(input.value), 400);
    });
    input.addEventListener("compositionend", () => { resting = setTimeout(() => moving(input.value), 400); });
    input.addEventListener("change", commitNow);
    input.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.isComposing) commitNow(); });
    return { input, place(value) { input.value = value; }, words: () => c.unit };
  },

  matrix(c, labels, commit) {
    let numbers = [];
    const cells = Array.from({ length: c.rows * c.columns }, (nothing, k) => {
      const [i, j] = [Math.floor(k / c.columns), k % c.columns];
      return numberInput(c, c.cell.replace("{row}", i + 1).replace("{column}", j + 1), (entry) => {
        numbers = numbers.with(i, numbers[i].with(j, entry));
        commit(numbers);
      });
    });
    const table = make("div", { className: "lk-matrix", role: "group" }, ...cells.map((cell) => cell.input));
    table.style.gridTemplateColumns = `repeat(${c.columns}, minmax(0, 4.5em))`;
    const place = (rows) => {
      numbers = rows;
      rows.flat().forEach((number, k) => cells[k].put(number));
    };
    return { input: table, place, words: () => c.unit };
  },

  point(c, labels, commit) {
    let at = [0, 0];
    const cells = ["x", "y"].map((axis, i) => numberInput(c, axis, (entry) => {
      at = at.with(i, entry);
      commit(at);
    }));
    const pair = make("div", { className: "lk-pair", role: "group" },
      ...cells.map((cell, i) => make("label", {}, `${"xy"[i]} `, cell.input)));
    return {
      input: pair, place(value) { at = value; value.forEach((number, i) => cells[i].put(number)); },
      words: () => c.unit,
    };
  },
};

// A number is taken when it is set, and only if it is one within the limits; else the last good one comes back.
function numberInput(c, name, commit) {
  let good = "";
  const input = make("input", { type: "number", step: c.step ?? "any", ariaLabel: name });
  if (c.low !== undefined) Object.assign(input, { min: c.low, max: c.high });
  const isGood = () => input.value !== "" && !input.validity.rangeUnderflow && !input.validity.rangeOverflow;
  const judge = () => {
    input.ariaInvalid = String(!isGood());
    input.title = isGood() ? "" : c.allowed;
  };
  input.addEventListener("input", judge);
  const take = () => {
    if (!isGood()) {
      input.value = good;
    } else if (input.value !== String(good)) {
      input.value = good = Number(input.value);
      commit(good);
    }
    judge();
  };
  input.addEventListener("change", take);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") take(); });
  return { input, put(number) { input.value = good = Number(number.toPrecision(6)); judge(); } };
}

function makeControl(c, labels, commit, moving = () => {}) {
  const id = freshId();
  const readout = make("output", { className: "lk-readout" });
  let last;       // what is shown: a value that comes back from the kernel must not disturb who is typing
  const say = (value) => {
    last = JSON.stringify(value);
    readout.textContent = maker.words(value).trim();
    if (input.type === "range") input.setAttribute("aria-valuetext", readout.textContent);
  };
  const maker = (makers[c.kind] ?? makers.range)(c, labels,
    (value) => { say(value); commit(value); }, (value) => { say(value); moving(value); });
  const { input } = maker;
  const isGroup = input.getAttribute("role") === "group";
  const label = make(isGroup ? "span" : "label", { className: "lk-label", id: `${id}-label`, textContent: c.label });
  if (isGroup) input.setAttribute("aria-labelledby", label.id);
  else label.htmlFor = id;
  input.id = id;
  input.name = c.name;
  input.setAttribute("aria-describedby", `${id}-help`);
  const row = make("div", { className: `lk-control lk-${c.kind}` }, label, input, readout,
    make("small", { id: `${id}-help`, textContent: c.help }));
  function set(value) {
    if (JSON.stringify(value) === last) return;
    maker.place(value);
    say(value);
  }
  return { row, set };
}
