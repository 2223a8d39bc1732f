// What an attention map draws, from the arrays of attention_data.py: numbers of one head, and pictures of them.
const KINDS = { float32: Float32Array, int16: Int16Array, uint8: Uint8Array };
const STAGES = ["scores", "scaled", "masked", "softmax", "values"];

// The kernel's answer with its arrays cut out of the bytes.
function unpack(about, bytes, checkpoints) {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const answer = { ...about, checkpoints, count: about.tokens.length };
  let at = 0;
  for (const [name, kind, length] of about.arrays) {
    answer[name] = new KINDS[kind](buffer, at, length);
    at += answer[name].byteLength;
  }
  return answer;
}

// One head at one checkpoint: each stage as T x T numbers, its entropy and that of each token.
function readHead(answer, checkpoint, layer, head) {
  const { count, width, layers, heads } = answer;
  const place = layer * heads + head;
  const at = checkpoint * layers * heads + place;
  const of = (name, size, index = at) => answer[name]?.subarray(index * size, (index + 1) * size);
  const result = { entropy: of("entropy", count) };
  result.bits = result.entropy.reduce((sum, bits) => sum + bits, 0) / count;
  const scored = at - (answer.checkpoints - answer.scored) * layers * heads;      // the last ones have scores
  result.softmax = Float32Array.from(of("weights", count ** 2), (weight) => weight / 255);
  if (answer.scored && scored >= 0) {
    const mask = of("mask", count ** 2, place);
    const unit = answer.unit[scored];
    result.scores = Float32Array.from(of("scores", count ** 2, scored), (score) => score * unit);
    result.scaled = result.scores.map((score) => score / Math.sqrt(width));
    result.masked = result.scaled.map((score, i) => (mask[i] ? -Infinity : score));
    result.softmax = softmax(result.masked, count);     // finer than the weights, which come in steps of 1/255
  }
  const norms = of("norms", count);
  if (norms) result.values = result.softmax.map((weight, i) => weight * norms[i % count]);
  return result;
}

function softmax(scores, count) {
  const weights = new Float32Array(scores.length);
  for (let row = 0; row < scores.length; row += count) {
    const most = scores.subarray(row, row + count).reduce((a, b) => Math.max(a, b));
    if (most === -Infinity) continue;       // a token that may look at nothing
    let sum = 0;
    for (let i = row; i < row + count; i++) sum += weights[i] = Math.exp(scores[i] - most);
    for (let i = row; i < row + count; i++) weights[i] /= sum;
  }
  return weights;
}

// How a stage is shown: its largest number, and the shade of a number, from -1 to 1. The shade of a weight is its
// root, so that small weights are seen, and the same in every head and at every checkpoint.
function scaleOf(stage, values) {
  const finite = values.filter(Number.isFinite).map(Math.abs);
  const most = stage === "softmax" ? 1 : finite.reduce((a, b) => Math.max(a, b), 1e-12);
  const signed = stage !== "softmax" && stage !== "values";
  return { most, signed, shade: signed ? (v) => v / most : (v) => Math.sqrt(v / most) };
}

const number = (value, stage) => (value === -Infinity ? "−∞"
  : value.toFixed(stage === "softmax" ? 3 : 2).replace("-", "−"));

// The shades of the theme that the page has now.
class Palette {
  constructor(element) {
    const c = make("canvas").getContext("2d");
    const style = getComputedStyle(element);
    const read = (name) => {
      c.fillStyle = style.getPropertyValue(name).trim();
      return c.fillStyle.match(/\w\w/g).map((hex) => parseInt(hex, 16));
    };
    [this.ground, this.heat, this.cold, this.mark] = ["--lk-ground", "--lk-heat", "--lk-cold", "--lk-mark"].map(read);
    this.ink = style.color;
    this.line = style.getPropertyValue("--lk-line");
    this.font = style.fontFamily;
  }

  mix(shade) {
    const end = shade < 0 ? this.cold : this.heat;
    return this.ground.map((value, i) => value + (end[i] - value) * Math.min(1, Math.abs(shade)));
  }

  css(shade) { return `rgb(${this.mix(shade).join(" ")})`; }
}

// T x T numbers on a canvas of T x T pixels, which CSS enlarges; a masked number stays empty.
function paint(canvas, values, shade, palette) {
  const count = Math.sqrt(values.length);
  Object.assign(canvas, { width: count, height: count });
  const c = canvas.getContext("2d");
  const image = c.createImageData(count, count);
  values.forEach((value, i) => {
    image.data.set(value === -Infinity ? palette.ground : palette.mix(shade(value)), 4 * i);
    image.data[4 * i + 3] = 255;
  });
  c.putImageData(image, 0, 0);
}

// The text cut to a width, with an ellipsis.
function fit(c, text, width) {
  if (c.measureText(text).width <= width) return text;
  const letters = [...text];
  while (letters.length && c.measureText(`${letters.join("")}…`).width > width) letters.pop();
  return `${letters.join("")}…`;
}

// The large map: rows look, columns are looked at. `small` is the map painted small; the chosen row and column are
// framed and named. Returns the size of a cell and where the first begins, in pixels.
function drawMatrix(canvas, small, values, tokens, cell, chosen, palette) {
  const count = tokens.length;
  const c = canvas.getContext("2d");
  const points = Math.max(8, Math.min(13, cell));
  const font = (weight = 400) => `${weight} ${points}px ${palette.font}`;
  c.font = font(700);
  const label = Math.min(96, Math.max(14, ...tokens.map((token) => c.measureText(token).width))) + 10;
  const upright = tokens.every((token) => c.measureText(token).width <= cell + 2);
  const top = upright ? points + 10 : label;
  const [width, height] = [label + count * cell + 2, top + count * cell + 2];
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  c.scale(ratio, ratio);
  c.imageSmoothingEnabled = false;
  c.drawImage(small, label, top, count * cell, count * cell);

  c.strokeStyle = palette.line;
  c.lineWidth = 1;
  c.beginPath();
  values.forEach((value, i) => {      // never colour alone: what is masked is struck out, what is negative has its sign
    const [x, y] = [label + (i % count) * cell, top + Math.floor(i / count) * cell];
    if (value === -Infinity) { c.moveTo(x + 1, y + cell - 1); c.lineTo(x + cell - 1, y + 1); }
  });
  c.stroke();
  c.strokeStyle = palette.ink;
  c.beginPath();
  if (cell >= 10) {
    values.forEach((value, i) => {
      const [x, y] = [label + (i % count + 0.5) * cell, top + (Math.floor(i / count) + 0.5) * cell];
      if (value < 0 && value !== -Infinity) { c.moveTo(x - 2, y); c.lineTo(x + 2, y); }
    });
  }
  c.stroke();
  c.strokeStyle = palette.line;
  c.strokeRect(label - 0.5, top - 0.5, count * cell + 1, count * cell + 1);

  c.direction = "ltr";
  c.textBaseline = "middle";
  const every = Math.ceil(points / cell);       // names that would touch are left out, the chosen ones never
  const named = (i, is) => (is ? i === chosen.query || i === chosen.key : i % every === 0);
  for (const bold of [false, true]) {
    tokens.forEach((token, i) => {
      const place = (i + 0.5) * cell;
      for (const [axis, at] of [["query", chosen.query], ["key", chosen.key]]) {
        const here = i === at;
        const near = at !== null && Math.abs(i - at) < every;     // makes room for the chosen name
        if (here !== bold || (!here && (!named(i, false) || near))) continue;
        c.font = font(bold ? 700 : 400);
        c.fillStyle = palette.ink;
        c.save();
        if (axis === "query") {
          c.textAlign = "right";
          c.fillText(fit(c, token, label - 8), label - 5, top + place);
        } else if (upright) {
          c.textAlign = "center";
          c.fillText(token, label + place, top - points / 2 - 4);
        } else {
          c.translate(label + place, top - 5);
          c.rotate(-Math.PI / 2);
          c.textAlign = "left";
          c.fillText(fit(c, token, label - 8), 0, 0);
        }
        c.restore();
      }
    });
  }
  c.strokeStyle = `rgb(${palette.mark.join(" ")})`;
  c.lineWidth = 2;
  if (chosen.query !== null) c.strokeRect(label, top + chosen.query * cell, count * cell, cell);
  if (chosen.key !== null) c.strokeRect(label + chosen.key * cell, top, cell, count * cell);
  return { left: label, top };
}

// A line from each token to each that it looks at, as wide as the weight; those of the chosen token stand out.
function drawLines(canvas, weights, count, pitch, chosen, palette) {
  const width = canvas.clientWidth, height = count * pitch;
  if (!width) return;
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  canvas.style.height = `${height}px`;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  const y = (i) => (i + 0.5) * pitch;
  const line = (query, key, weight, alpha) => {
    c.globalAlpha = alpha;
    c.lineWidth = 0.5 + 4 * weight;
    c.beginPath();
    c.moveTo(0, y(query));
    c.bezierCurveTo(width / 2, y(query), width / 2, y(key), width, y(key));
    c.stroke();
  };
  const most = weights.reduce((a, b) => Math.max(a, b), 1e-12);
  const share = (query, key) => weights[query * count + key] / most;
  c.strokeStyle = palette.line;
  for (let i = 0; i < count ** 2; i++) {
    const weight = weights[i] / most;
    if (weight > 0.1) line(Math.floor(i / count), i % count, weight / 2, 0.25 * weight);
  }
  c.strokeStyle = `rgb(${palette.heat.join(" ")})`;
  for (let i = 0; i < count; i++) {
    const [query, key] = chosen.by === "key" ? [i, chosen.key] : [chosen.query, i];
    const weight = share(query, key);
    if (weight > 0.005) line(query, key, weight, Math.min(1, 0.25 + weight));
  }
  if (chosen.by !== "key" && chosen.key !== null) {
    c.strokeStyle = `rgb(${palette.mark.join(" ")})`;
    c.setLineDash([5, 3]);
    line(chosen.query, chosen.key, share(chosen.query, chosen.key), 1);
  }
}
