// Axes on canvas, shared by the curves of a lab and by panels.
const PAD = { left: 52, right: 20, top: 10, bottom: 30 };

function ticks(low, high, log) {
  if (log) {
    const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const apart = Math.ceil((to - from) / 8);      // decades between two ticks
    const all = [];
    for (let p = Math.ceil(from / apart) * apart; p <= to; p += apart) {
      for (const m of to - from > 3 ? [1] : [1, 2, 5]) all.push(m * 10 ** p);
    }
    const inside = all.filter((v) => v >= low && v <= high);
    if (inside.length > 1) return inside;
  }
  const raw = (high - low) / 6;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * ([1, 2, 5].find((m) => m * size >= raw) ?? 10);
  const all = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) all.push(Number(v.toPrecision(12)));
  return all;
}

function stroke(c, points) {
  c.beginPath();
  points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.stroke();
}

// The one of `numbers` that is nearest to `wanted`.
function nearest(numbers, wanted) {
  return numbers.reduce((best, number) => (Math.abs(number - wanted) < Math.abs(best - wanted) ? number : best));
}

// A number as it is shown: four digits, no trailing zeros; very small and large ones with an exponent, to stay short.
function digits(value, count = 4) {
  const short = Number(value.toPrecision(count));
  const size = Math.abs(short);
  return size && (size < 1e-3 || size >= 1e6) ? short.toExponential().replace("e+", "e") : String(short);
}

// The canvas wiped, at the screen's resolution, in the page's font and colours; null while it is not laid out.
function wipe(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const c = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  c.scale(ratio, ratio);
  c.font = `11px ${style.fontFamily}`;
  c.fillStyle = c.strokeStyle = style.color;
  return { c, width, height, ink: style.color, line: style.getPropertyValue("--lk-line") };
}

// PAD with room on the left for the numbers of the y axis beside its name.
function padFor({ c }, y) {
  const widest = Math.max(0, ...ticks(y.low, y.high, y.log).map((v) => c.measureText(digits(v, 3)).width));
  return { ...PAD, left: Math.max(PAD.left, Math.ceil(widest) + 24) };
}

// Grid lines, numbers and names of both axes. `x` and `y` are { low, high, log, name }; y.hidden leaves its numbers
// out. Returns the maps from values to pixels, and from a pixel to an x.
function drawAxes({ c, width, height, ink, line }, x, y, pad = PAD) {
  const inner = [width - pad.left - pad.right, height - pad.top - pad.bottom];
  const share = ({ low, high, log }) => {
    const f = log ? Math.log : (v) => v;
    return (v) => (f(v) - f(low)) / (f(high) - f(low));
  };
  const [ofX, ofY] = [share(x), share(y)];
  const toX = (v) => pad.left + inner[0] * ofX(v);
  const toY = (v) => pad.top + inner[1] * (1 - ofY(v));
  const fromX = (pixels) => {
    const at = (pixels - pad.left) / inner[0];
    return x.log ? x.low * (x.high / x.low) ** at : x.low + at * (x.high - x.low);
  };
  c.strokeStyle = line;
  c.fillStyle = ink;
  c.lineWidth = 0.5;
  c.textBaseline = "middle";
  c.textAlign = "right";
  for (const v of y.hidden ? [] : ticks(y.low, y.high, y.log)) {
    c.globalAlpha = 0.5;
    stroke(c, [[pad.left, toY(v)], [width - pad.right, toY(v)]]);
    c.globalAlpha = 1;
    c.fillText(digits(v, 3), pad.left - 6, toY(v));
  }
  c.textAlign = "center";
  for (const v of ticks(x.low, x.high, x.log)) {
    if (y.hidden) {
      c.globalAlpha = 0.5;
      stroke(c, [[toX(v), pad.top], [toX(v), height - pad.bottom]]);
      c.globalAlpha = 1;
    }
    c.fillText(digits(v, 6), toX(v), height - pad.bottom + 10);
  }
  c.fillText(x.name ?? "", pad.left + inner[0] / 2, height - 7);
  c.save();
  c.translate(9, pad.top + inner[1] / 2);
  c.rotate(-Math.PI / 2);
  c.fillText(y.name ?? "", 0, 0);
  c.restore();
  return { toX, toY, fromX };
}
