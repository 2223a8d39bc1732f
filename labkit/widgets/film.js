// Scrubs through the moments of a film. Everything is in the page; nothing is asked of the kernel.
const SECONDS = 8;      // of a whole film

function render({ model, el }) {
  const [labels, captions, buffers] = ["labels", "captions", "buffers"].map((name) => model.get(name));
  const moments = model.get("moments").map((panels) => panels.map((panel) =>
    ({ ...panel, buffers: panel.buffers.map((place) => buffers[place]) })));
  const last = moments.length - 1;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  el.classList.add("labkit-live", "lk-film");

  const slider = keepKeys(make("input", { type: "range", min: 0, max: last, step: 1, ariaLabel: labels.moment }));
  const play = keepKeys(make("button", { type: "button", name: "play" }));
  const caption = make("span", { className: "lk-caption" });
  const board = make("div");
  el.append(make("strong", { textContent: labels.title, hidden: !labels.title }),
    make("div", { className: "lk-buttons" }, play, slider, caption), board);

  let timer = 0;
  const show = (place) => {
    slider.value = place;
    caption.textContent = captions[place];
    slider.setAttribute("aria-valuetext", captions[place]);
    drawPanels(board, moments[place], labels);
  };
  const at = () => Number(slider.value);
  // Where the reader wants no motion, the button goes on by one moment.
  const name = () => { play.textContent = still.matches ? labels.next : timer ? labels.pause : labels.play; };
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    name();
  };
  play.addEventListener("click", () => {
    if (timer) return pause();
    const next = at() < last ? at() + 1 : 0;
    show(next);
    if (still.matches || next === last) return;
    timer = setInterval(() => {
      show(Math.min(at() + 1, last));
      if (at() === last) pause();
    }, 1000 * SECONDS / Math.max(last, 40));
    name();
  });
  slider.addEventListener("input", () => {
    pause();
    show(at());
  });
  still.addEventListener("change", pause);
  show(last);
  pause();
  return () => {
    clearInterval(timer);
    still.removeEventListener("change", pause);
  };
}

export default live(render);
