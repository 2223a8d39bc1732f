// Pieces of an attention map's page that know nothing of its state. Every text is set as text, never as HTML.
const SPACES = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const visible = (token) => token.replace(/[ \n\t\r]/g, (space) => SPACES[space]) || "∅";
const isolated = (token) => make("bdi", { className: "lk-token", textContent: visible(token) });

// A sentence from Python with its {names} replaced by texts, elements, or lists of them.
function fill(template, parts) {
  return template.split(/\{(\w+)\}/).flatMap((piece, i) => (i % 2 ? parts[piece] : piece));
}

// One tab stop for many buttons in rows of `columns`; the arrow keys go from one to another.
function rove(buttons, columns) {
  const stop = (chosen) => buttons.forEach((button) => { button.tabIndex = button === chosen ? 0 : -1; });
  stop(buttons[0]);
  buttons.forEach((button, i) => {
    keepKeys(button).addEventListener("focus", () => stop(button));
    button.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, ArrowDown: i + columns, ArrowUp: i - columns,
        Home: 0, End: buttons.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      buttons[to]?.focus();
    });
  });
  return stop;
}

// A button with a small canvas for each head, rows of layers; `choose` is called with the one that is clicked.
function layOverview(box, layers, heads, words, choose) {
  const cells = Array.from({ length: layers * heads }, (_, i) => {
    const canvas = make("canvas", { ariaHidden: "true" });
    const bits = make("span", { ariaHidden: "true" });
    const button = make("button", { type: "button", className: "lk-head-map" }, canvas, bits);
    button.addEventListener("click", () => choose({ layer: Math.floor(i / heads), head: i % heads }));
    return { button, canvas, bits };
  });
  const name = (template, at) => make("span", { textContent: fill(template, { number: String(at) }).join("") });
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", words.overview);
  box.style.gridTemplateColumns = `auto repeat(${heads}, auto)`;
  box.style.setProperty("--lk-small", `${heads <= 4 ? 76 : heads <= 8 ? 56 : 44}px`);
  box.append(make("span"), ...Array.from({ length: heads }, (_, head) => name(words.head, head)));
  for (let layer = 0; layer < layers; layer++) {
    const row = cells.slice(layer * heads, (layer + 1) * heads);
    box.append(name(words.layer, layer), ...row.map(({ button }) => button));
  }
  return cells;
}

// What is predicted with all heads on and, where some are off, without them.
function fillPrediction(table, { predictions, off, generates }, checkpoint, words) {
  const rows = predictions[checkpoint] ?? [];
  table.hidden = !rows.length;
  const heads = off.map((pair) => `(${pair.join(", ")})`).join(" ");
  const titles = off.length ? [words.all_heads, fill(words.without, { heads }).join("")] : [words.probability];
  const share = (value) => {
    const bar = make("span", { className: "lk-bar", ariaHidden: "true" });
    bar.style.width = `${80 * value}px`;
    return make("td", {}, bar, `${(100 * value).toFixed(1)} %`);
  };
  table.replaceChildren(
    make("caption", { textContent: generates ? words.next : words.class }),
    make("tr", {}, make("th"), ...titles.map((textContent) => make("th", { textContent, scope: "col" }))),
    ...rows.map(({ name, before, after }) => make("tr", {}, make("th", { scope: "row" }, isolated(name)),
      share(before), ...(after === undefined ? [] : [share(after)]))));
}

// A row for each stage, a column for each key; `meet` is called with the key whose name the pointer meets.
function layNumbers(table, tokens, meet) {
  const names = tokens.map((token, key) => {
    const name = make("th", { scope: "col" }, isolated(token));
    name.addEventListener("pointerenter", () => meet(key));
    return name;
  });
  table.replaceChildren(make("caption", {}, make("span")), make("tr", {}, make("td"), ...names),
    ...STAGES.map(() => make("tr", {}, make("th", { scope: "row" }), ...tokens.map(() => make("td")))));
}

// The chosen token's numbers; the stage that the map shows and the chosen key stand out.
function fillNumbers(table, shown, { query, key, kind }, count, nameOf, caption) {
  table.caption.firstChild.replaceChildren(...caption);
  STAGES.forEach((stage, at) => {
    const row = table.rows[at + 1];
    row.hidden = !shown[stage];
    if (row.hidden) return;
    row.classList.toggle("lk-shown", stage === kind);
    [...row.cells].forEach((cell, i) => {
      cell.textContent = i ? number(shown[stage][query * count + i - 1], stage) : nameOf(stage);
    });
  });
  for (const row of table.rows) {
    [...row.cells].forEach((cell, i) => cell.classList.toggle("lk-at", i > 0 && i - 1 === key));
  }
}

// All numbers of one stage of one head.
function fillTable(table, values, tokens, stage, words) {
  const head = (scope) => (token) => make("th", { scope }, isolated(token));
  table.replaceChildren(
    make("tr", {}, make("th", { textContent: `${words.query} ↓ ${words.key} →` }), ...tokens.map(head("col"))),
    ...tokens.map((token, i) => make("tr", {}, head("row")(token),
      ...tokens.map((_, j) => make("td", { textContent: number(values[i * tokens.length + j], stage) })))));
}
