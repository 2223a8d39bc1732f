// The view of an attention map. Choosing, hovering, scrubbing and zooming happen here alone; only `wish` goes to the
// kernel, whose worker alone writes the model `data`. Every text is set as text, never as HTML.
const PITCH = 25;       // pixels from one token of a list to the next

async function render({ model, el, host, signal, kernel = true }) {
  const data = await host.getModel(model.get("data"));
  const { words, title, steps, has_model: hasModel, longest } = model.get("page");
  const view = freshId();
  const [layer, head] = data.get("about").first;
  const state = { layer, head, checkpoint: Math.max(0, steps.length - 1), stage: "softmax", weighted: false,
    query: 0, key: null, by: "query", zoom: 1 };
  let answer, shown, palette;
  el.classList.add("labkit-live", "lk-attention");

  const labelled = (text, control, name) => {
    control.id = `${view}-${name}`;
    return make("label", { htmlFor: control.id }, make("span", { textContent: text }), keepKeys(control));
  };
  const heading = (text) => make("strong", { textContent: text });

  // --- what needs the kernel: the text, and heads that are off ---
  const wish = (changes) => {
    const before = model.get("wish");
    model.set("wish", { ...before, ...changes, number: before.number + 1 });
    model.save_changes();
    tell();
  };
  const text = make("input", { type: "text", maxLength: longest, dir: "auto", spellcheck: false });
  text.value = model.get("wish").text;
  let typing = 0;
  const send = () => {
    clearTimeout(typing);
    if (text.value !== model.get("wish").text) wish({ text: text.value });
  };
  text.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(send, 200);
  });
  text.addEventListener("change", send);        // on leaving the field
  const status = make("div", { className: "lk-status" });
  const error = make("div", { className: "lk-error" });
  error.setAttribute("role", "alert");
  const spoken = make("div", { className: "lk-spoken" });
  spoken.setAttribute("role", "status");
  const off = make("input", { type: "checkbox" });
  const isOff = (l, h) => model.get("wish").off.some(([a, b]) => a === l && b === h);
  off.addEventListener("change", () => {
    const others = model.get("wish").off.filter(([l, h]) => l !== state.layer || h !== state.head);
    wish({ off: off.checked ? [...others, [state.layer, state.head]] : others });
  });
  const allOn = keepKeys(make("button", { type: "button", textContent: words.all_on }));
  allOn.addEventListener("click", () => wish({ off: [] }));
  const prediction = make("table", { className: "lk-prediction" });

  function tell() {
    const { off: heads, number } = model.get("wish");
    const waiting = number > data.get("about").number;
    el.dataset.state = waiting ? "waiting" : "ready";
    status.textContent = waiting ? words.waiting
      : answer.note || fill(words.ready, { count: String(answer.count) }).join("");
    off.checked = isOff(state.layer, state.head);
    allOn.disabled = !heads.length;
    error.textContent = data.get("error");
    if (document.activeElement !== text) text.value = model.get("wish").text;
  }

  const predict = () => fillPrediction(prediction, answer, state.checkpoint, words);

  let lastSpoken = 0;
  function speak(sentence) {       // at most every 5 s
    if (Date.now() - lastSpoken < 5000) return;
    lastSpoken = Date.now();
    spoken.textContent = sentence;
  }

  // --- the overview ---
  const { layers, heads } = data.get("about");
  const overview = make("div", { className: "lk-overview" });
  const cells = layOverview(overview, layers, heads, words, choose);
  const stopAt = rove(cells.map(({ button }) => button), heads);

  function drawOverview() {
    cells.forEach(({ button, canvas, bits }, i) => {
      const at = { layer: Math.floor(i / heads), head: i % heads };
      const one = readHead(answer, state.checkpoint, at.layer, at.head);
      const stage = weightedStage(one);
      paint(canvas, one[stage], scaleOf(stage, one[stage]).shade, palette);
      const chosen = at.layer === state.layer && at.head === state.head;
      const silent = answer.off.some(([l, h]) => l === at.layer && h === at.head);
      button.setAttribute("aria-pressed", chosen);
      button.classList.toggle("lk-off", silent);
      bits.textContent = silent ? words.is_off : fill(words.bits, { bits: one.bits.toFixed(2) }).join("");
      button.setAttribute("aria-label", [fill(words.chosen, at).join(""), describe(one.bits, words.entropy),
        silent ? words.is_off : ""].filter(Boolean).join(", "));
    });
  }
  const weightedStage = (one) => (state.weighted && one.values ? "values" : "softmax");
  const describe = (bits, template) =>
    fill(template, { bits: bits.toFixed(2), count: (2 ** bits).toFixed(1) }).join("");

  // --- the chosen head ---
  const name = heading("");
  const entropy = make("span");
  const stage = make("select", {}, ...STAGES.slice(0, 4).map((value) => make("option", { value })));
  stage.addEventListener("change", () => choose({ stage: stage.value }));
  const weighted = make("input", { type: "checkbox" });
  weighted.addEventListener("change", () => choose({ weighted: weighted.checked }));
  const zoom = make("input", { type: "range", min: 1, max: 4, step: 0.25, value: 1 });
  zoom.addEventListener("input", () => choose({ zoom: Number(zoom.value) }));
  const noScores = make("small", { textContent: words.no_scores });

  const lists = { query: [], key: [] };
  const list = (by, label) => {
    const box = make("div", { className: `lk-tokens lk-by-${by}` });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", label);
    return box;
  };
  const boxes = { query: list("query", words.queries), key: list("key", words.keys) };
  const lines = make("canvas", { className: "lk-lines", ariaHidden: "true" });
  const scroller = make("div", { className: "lk-scroll" }, boxes.query, lines, boxes.key);
  const small = make("canvas");
  const matrix = keepKeys(make("canvas", { tabIndex: 0 }));
  matrix.setAttribute("role", "img");
  const frame = make("div", { className: "lk-matrix-frame" }, matrix);
  const legend = make("div", { className: "lk-scale", ariaHidden: "true" }, make("span"), make("span"), make("span"));
  const readout = make("output", { className: "lk-readout", id: `${view}-readout` });
  readout.setAttribute("aria-live", "off");
  const numbers = make("table", { className: "lk-numbers" });
  const table = make("table", { className: "lk-numbers" });
  const details = make("details", {}, keepKeys(make("summary", { textContent: words.table })),
    make("div", { className: "lk-wide" }, table));
  details.addEventListener("toggle", () => drawTable());

  function point(changes) {     // at tokens: nothing but what depends on them is drawn anew
    Object.assign(state, changes);
    later(drawTokens);
    if (state.by === "cell") later(reveal);
  }
  function reveal() {       // what the matrix points at, in the lists and in the numbers
    scroller.scrollTop = (state.query + 0.5) * PITCH - scroller.clientHeight / 2;
    const column = numbers.rows[0].cells[state.key + 1];
    numbers.parentElement.scrollLeft = column.offsetLeft - numbers.parentElement.clientWidth / 2;
  }
  function choose(changes) {
    Object.assign(state, changes);
    later(drawHead);
    if (["layer", "weighted", "checkpoint"].some((name) => name in changes)) later(drawOverview);
  }

  function listTokens() {
    for (const by of ["query", "key"]) {
      lists[by] = answer.tokens.map((token, i) => {
        const share = make("span", { className: "lk-share", ariaHidden: "true" });
        const word = make("bdi", { className: "lk-token", textContent: visible(token), title: token });
        const button = make("button", { type: "button" }, ...(by === "query" ? [share, word] : [word, share]));
        button.setAttribute("aria-describedby", readout.id);
        const here = () => point(by === "query" ? { by, query: i, key: null } : { by, key: i });
        for (const event of ["pointerenter", "focus", "click"]) button.addEventListener(event, here);
        return { button, share };
      });
      rove(lists[by].map(({ button }) => button), 1);
      boxes[by].replaceChildren(...lists[by].map(({ button }) => button));
    }
    layNumbers(numbers, answer.tokens, (key) => point({ by: "query", key }));
  }

  const nameOf = (kind) => fill(words[kind], { root: String(Number(Math.sqrt(answer.width).toFixed(2))) }).join("");
  let geometry = { left: 0, top: 0 }, cell = 1;
  function drawHead() {
    shown = readHead(answer, state.checkpoint, state.layer, state.head);
    const available = STAGES.slice(0, 4).filter((each) => shown[each]);
    if (!available.includes(state.stage)) state.stage = "softmax";
    for (const option of stage.options) {
      option.textContent = nameOf(option.value);
      option.disabled = !available.includes(option.value);
    }
    stage.value = state.stage;
    noScores.hidden = available.length > 1;
    weighted.parentElement.hidden = !shown.values;
    name.textContent = fill(words.chosen, state).join("");
    entropy.textContent = describe(shown.bits, words.entropy);
    stopAt(cells[state.layer * heads + state.head].button);
    tell();
    const kind = state.stage === "softmax" ? weightedStage(shown) : state.stage;
    state.kind = kind;
    state.scale = scaleOf(kind, shown[kind]);
    paint(small, shown[kind], state.scale.shade, palette);
    const ends = state.scale.signed ? [-state.scale.most, state.scale.most] : [0, state.scale.most];
    const stops = Array.from({ length: 13 }, (_, i) =>
      palette.css(state.scale.shade(ends[0] + (ends[1] - ends[0]) * i / 12)));
    const [from, bar, to] = legend.children;
    from.textContent = number(ends[0], kind);
    to.textContent = number(ends[1], kind);
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    matrix.setAttribute("aria-label", `${fill(words.matrix, state).join("")} ${entropy.textContent}`);
    drawTokens();
    drawTable();
  }

  function drawTokens() {
    const { count, tokens } = answer;
    const weights = shown[weightedStage(shown)];
    const { query, key, by } = state;
    const weight = (i) => (by === "key" ? weights[i * count + key] : weights[query * count + i]);
    const most = scaleOf(weightedStage(shown), weights).most;
    for (const side of ["query", "key"]) {
      lists[side].forEach(({ button, share }, i) => {
        const answering = side === (by === "key" ? "query" : "key");        // the side that the numbers stand on
        share.textContent = answering ? number(weight(i), weightedStage(shown)) : "";
        button.style.setProperty("--lk-part", answering ? `${100 * weight(i) / most}%` : "0%");
        button.setAttribute("aria-current", i === (side === "query" ? by !== "key" && query : key));
      });
    }
    const others = Array.from({ length: count }, (_, i) => i).sort((a, b) => weight(b) - weight(a)).slice(0, 3)
      .flatMap((i, place) => [place ? ", " : "", isolated(tokens[i]), ` ${number(weight(i), weightedStage(shown))}`]);
    const parts = by !== "key" && key !== null
      ? fill(words.pair, { query: [isolated(tokens[query])], key: [isolated(tokens[key])],
        value: number(shown[state.kind][query * count + key], state.kind), stage: nameOf(state.kind) })
      : by === "key" ? fill(words.seen, { token: [isolated(tokens[key])], others })
        : fill(words.looks, { token: [isolated(tokens[query])], others });
    readout.replaceChildren(...parts);

    drawLines(lines, weights, count, PITCH, state, palette);
    const room = Math.min(frame.clientWidth, 640);
    cell = Math.max(4, Math.min(44, Math.floor((room - geometry.left - 4) / count))) * state.zoom;
    const before = geometry.left;
    geometry = drawMatrix(matrix, small, shown[state.kind], tokens.map(visible), cell,
      { query: by === "key" ? null : query, key }, palette);
    if (geometry.left !== before) later(drawTokens);        // the names' own width is known now

    fillNumbers(numbers, shown, state, count, nameOf, [...fill(words.numbers, { token: [isolated(tokens[query])] }),
      " · ", describe(shown.entropy[query], words.token_entropy)]);
  }

  function drawTable() {
    if (details.open) fillTable(table, shown[state.kind], answer.tokens, state.kind, words);
  }

  // --- the matrix by pointer and by keys ---
  const cellAt = ({ offsetX, offsetY }) => {
    const [key, query] = [(offsetX - geometry.left) / cell, (offsetY - geometry.top) / cell].map(Math.floor);
    const inside = [key, query].every((i) => i >= 0 && i < answer.count);
    const known = key === state.key && query === state.query && state.by === "cell";
    if (inside && !known) point({ by: "cell", query, key });
  };
  matrix.addEventListener("pointermove", cellAt);
  matrix.addEventListener("pointerdown", cellAt);
  matrix.addEventListener("focus", () => {
    readout.setAttribute("aria-live", "polite");      // the arrow keys are heard, the pointer is not
    if (state.by !== "cell") point({ by: "cell", key: state.key ?? 0 });
  });
  matrix.addEventListener("blur", () => readout.setAttribute("aria-live", "off"));
  matrix.addEventListener("dblclick", (event) => {
    event.preventDefault();
    zoom.value = state.zoom > 1 ? 1 : 2;
    choose({ zoom: Number(zoom.value) });
  });
  matrix.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const within = (i) => Math.max(0, Math.min(answer.count - 1, i));
    point({ by: "cell", query: within(state.query + move[0]), key: within((state.key ?? 0) + move[1]) });
  });

  // --- the checkpoints ---
  const checkpoint = make("input", { type: "range", min: 0, max: steps.length - 1, step: 1, value: steps.length - 1 });
  const stepShown = make("span", { ariaHidden: "true" });
  const scrub = () => {
    const at = Number(checkpoint.value);
    stepShown.textContent = fill(words.step, { step: String(steps[at]), last: String(steps.at(-1)) }).join("");
    checkpoint.setAttribute("aria-valuetext", stepShown.textContent);
    if (at !== state.checkpoint) choose({ checkpoint: at });
    later(predict);
  };
  checkpoint.addEventListener("input", scrub);

  // --- drawing, once a frame at most ---
  const jobs = new Set();
  let asked = 0;
  function later(job) {
    jobs.add(job);
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      const now = [...jobs];
      jobs.clear();
      now.forEach((job) => job());
    });
  }
  function receive() {
    const before = answer?.tokens;
    answer = unpack(data.get("about"), data.get("arrays"), steps.length || 1);
    if (JSON.stringify(before) !== JSON.stringify(answer.tokens)) {
      Object.assign(state, { query: answer.count - 1, key: null, by: "query" });
      listTokens();
    }
    drawOverview();
    drawHead();
    predict();
    speak(`${status.textContent}. ${prediction.innerText}`);
  }
  function restyle() {
    palette = new Palette(el);
    drawOverview();
    drawHead();
  }

  const controls = make("div", { className: "lk-tools" }, labelled(words.stage, stage, "stage"),
    labelled(words.weighted, weighted, "weighted"), labelled(words.size, zoom, "zoom"));
  const switches = make("div", { className: "lk-tools" }, labelled(words.off, off, "off"), allOn);
  const side = make("div", { className: "lk-side" }, make("div", {}, name, make("br"), entropy), controls, noScores,
    ...(hasModel && kernel ? [switches] : []), ...(hasModel ? [prediction] : []));
  const titles = make("div", { className: "lk-titles", ariaHidden: "true" },
    make("span", { textContent: words.queries }), make("span", { textContent: words.keys }));
  el.append(
    ...(title ? [heading(title)] : []), ...(hasModel && kernel ? [labelled(words.text, text, "text")] : []),
    status, error,
    ...(steps.length ? [make("div", { className: "lk-scrub" },
      labelled(words.checkpoint, checkpoint, "checkpoint"), stepShown)] : []),
    make("div", { className: "lk-columns" }, overview, side), readout,
    make("div", { className: "lk-columns" },
      make("div", {}, titles, scroller), make("div", { className: "lk-large" }, legend, frame)),
    make("div", { className: "lk-wide" }, numbers), details, spoken);

  palette = new Palette(el);
  receive();
  if (steps.length) scrub();
  const fresh = () => later(receive);
  data.on("change:about", fresh);
  data.on("change:arrays", fresh);
  data.on("change:error", fresh);
  model.on("change:wish", () => later(tell));
  const sizes = new ResizeObserver(() => later(drawTokens));
  sizes.observe(frame);
  const themes = new MutationObserver(() => later(restyle));
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  signal.addEventListener("abort", () => {        // anywidget drops the models' listeners
    clearTimeout(typing);
    cancelAnimationFrame(asked);
    sizes.disconnect();
    themes.disconnect();
  });
}

export default live(render);
