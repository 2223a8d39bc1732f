// A picture of numbers, whose values are read and, if wanted, on which a point is chosen. See panels.js.
// The colour at `share` (0 to 1) of the way through evenly spaced colours.
function between(colours, share) {
  const at = clamp(share, 0, 1) * (colours.length - 1);
  const [from, to] = [colours[Math.floor(at)], colours[Math.ceil(at)]];
  return from.map((value, i) => Math.round(value + (at % 1) * (to[i] - value)));
}

class ImagePanel extends CanvasPanel {
  constructor(labels, onPick) {
    super(labels);
    this.onPick = onPick;
    this.point = null;          // the chosen point, in the image's coordinates
    this.scale = make("div", { className: "lk-scale" });
    this.readout.before(this.scale);
    if (onPick) {
      this.canvas.classList.add("lk-pick");
      this.canvas.addEventListener("pointerdown", (event) => {
        this.mark(...this.coordinates(event.offsetX, event.offsetY));
        this.onPick(...this.point);
      });
    }
  }

  get hint() { return this.onPick ? this.labels.pick : this.labels.read; }

  mark(x, y) {
    this.point = [x, y];
    this.draw();
  }

  take() {
    const { size, colours, empty, range, offset, unit, missing, marks } = this.description;
    [this.rows, this.columns] = size.slice(-2);
    const data = this.data = bytesOf(this.buffers[0]), count = this.rows * this.columns;
    const pixels = new ImageData(this.columns, this.rows);
    const table = colours && Array.from({ length: 256 }, (_, byte) => (missing && byte === 255 ? [...empty, 255]
      : [...between(colours, (offset + unit * byte - range[0]) / (range[1] - range[0])), 255]));
    for (let i = 0; i < count; i++) {
      pixels.data.set(table ? table[data[i]] : [data[i], data[count + i], data[2 * count + i], 255], 4 * i);
    }
    this.picture = make("canvas", { width: this.columns, height: this.rows });
    this.picture.getContext("2d").putImageData(pixels, 0, 0);
    const at = marks ? this.buffers.slice(1).map(floats) : [[], []];
    this.marks = [...at[1]].map((text, i) => [at[0][2 * i], at[0][2 * i + 1], marks[text]]);
    this.scale.hidden = !colours;
    if (!colours) return;
    const bar = make("i");
    bar.style.background = `linear-gradient(to right, ${colours.map((stop) => `rgb(${stop.join(",")})`).join(",")})`;
    this.scale.replaceChildren(digits(range[0], 3), bar, digits(range[1], 3));
    if (this.cursor && (this.cursor[0] >= this.columns || this.cursor[1] >= this.rows)) this.cursor = null;
  }

  // Square pixels, as large as the panel allows.
  resize() {
    this.pad = this.description.axes ? { left: 40, right: 12, top: 6, bottom: 20 } : { left: 1, right: 1, top: 1, bottom: 1 };
    const { left, right, top, bottom } = this.pad;
    if (!this.element.clientWidth) return;
    const room = this.element.clientWidth - left - right;
    this.zoom = Math.max(0.1, Math.min(room / this.columns, 240 / this.rows));
    this.canvas.style.width = `${this.columns * this.zoom + left + right}px`;
    this.canvas.style.height = `${this.rows * this.zoom + top + bottom}px`;
  }

  // The image's coordinates are those of the pixels' centres. `down` is the row as drawn, `row` the row of the data.
  coordinates(px, py) {
    const column = clamp((px - this.pad.left) / this.zoom, 0, this.columns) - 0.5;
    const down = clamp((py - this.pad.top) / this.zoom, 0, this.rows) - 0.5;
    const { x, y, up } = this.description;
    const share = (place, count) => place / Math.max(1, count - 1);
    return [x[0] + share(column, this.columns) * (x[1] - x[0]),
      y[0] + share(up ? this.rows - 1 - down : down, this.rows) * (y[1] - y[0])];
  }

  pixels(x, y) {
    const { x: xs, y: ys, up } = this.description;
    const place = (v, [low, high], count) => (v - low) / (high - low) * Math.max(1, count - 1);
    const row = place(y, ys, this.rows);
    return [this.pad.left + (place(x, xs, this.columns) + 0.5) * this.zoom,
      this.pad.top + ((up ? this.rows - 1 - row : row) + 0.5) * this.zoom];
  }

  // The cursor is [column, row as drawn].
  at(px, py) {
    return [clamp(Math.floor((px - this.pad.left) / this.zoom), 0, this.columns - 1),
      clamp(Math.floor((py - this.pad.top) / this.zoom), 0, this.rows - 1)];
  }

  start() {
    const { width = this.columns, height = this.rows } = this.description.tile ?? {};       // of tiles, in the first
    return this.point ? this.at(...this.pixels(...this.point)) : [(width - 1) >> 1, (height - 1) >> 1];
  }

  moved([column, down], across, further) {
    return [clamp(column + across, 0, this.columns - 1), clamp(down + further, 0, this.rows - 1)];
  }

  chosen() {
    if (!this.onPick) return;
    this.mark(...this.coordinates(...this.middle(this.cursor)));
    this.onPick(...this.point);
  }

  middle([column, down]) {
    return [this.pad.left + (column + 0.5) * this.zoom, this.pad.top + (down + 0.5) * this.zoom];
  }

  words(cursor) {
    const { axes, up, size, offset, unit, missing, tile } = this.description;
    const [column, row] = [cursor[0], up ? this.rows - 1 - cursor[1] : cursor[1]];
    const at = row * this.columns + column, count = this.rows * this.columns;
    const [x, y] = this.coordinates(...this.middle(cursor));
    let where = axes ? `x ${digits(x, 3)}, y ${digits(y, 3)}` : `${this.labels.row} ${row}, ${this.labels.column} ${column}`;
    if (tile) {
      const [down, across] = [row % (tile.height + 1), column % (tile.width + 1)];
      const number = Math.floor(row / (tile.height + 1)) * tile.across + Math.floor(column / (tile.width + 1));
      if (down === tile.height || across === tile.width || number >= tile.count) return " ";
      where = `${tile.name} ${number}, ${this.labels.row} ${down}, ${this.labels.column} ${across}`;
    }
    if (size.length === 3) return `${where}: ${[0, 1, 2].map((i) => this.data[i * count + at]).join(", ")}`;
    return `${where}: ${missing && this.data[at] === 255 ? this.labels.missing : digits(offset + unit * this.data[at], 3)}`;
  }

  paint(surface) {
    const { c, width, height, ink, line } = surface;
    const { axes, up, x, y } = this.description;
    const { left, right, top, bottom } = this.pad;
    const [w, h] = [width - left - right, height - top - bottom];
    c.imageSmoothingEnabled = false;
    c.save();
    if (up) { c.translate(0, 2 * top + h); c.scale(1, -1); }
    c.drawImage(this.picture, left, top, w, h);
    c.restore();
    c.strokeStyle = line;
    c.strokeRect(left - 0.5, top - 0.5, w + 1, h + 1);
    if (axes) {
      c.textBaseline = "middle";
      c.textAlign = "center";
      for (const v of ticks(x[0], x[1])) c.fillText(digits(v, 3), this.pixels(v, y[0])[0], height - bottom + 10);
      c.textAlign = "right";
      for (const v of ticks(y[0], y[1])) c.fillText(digits(v, 3), left - 6, this.pixels(x[0], v)[1]);
    }
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineJoin = "round";
    for (const [mx, my, text] of this.marks) {
      const at = this.pixels(mx, my);
      c.strokeStyle = "white";
      c.lineWidth = 3;
      c.strokeText(text, ...at);
      c.fillStyle = "black";
      c.fillText(text, ...at);
    }
    if (this.point) {
      const [px, py] = this.pixels(...this.point);
      for (const [colour, thick] of [["white", 5], ["black", 2]]) {
        c.strokeStyle = colour;
        c.lineWidth = thick;
        c.beginPath();
        c.arc(px, py, 7, 0, 7);
        c.stroke();
      }
    }
    if (this.cursor) {
      const [cx, cy] = this.middle(this.cursor), side = Math.max(this.zoom, 5);
      for (const [colour, thick] of [["white", 3], ["black", 1]]) {
        c.strokeStyle = colour;
        c.lineWidth = thick;
        c.strokeRect(cx - side / 2, cy - side / 2, side, side);
      }
    }
    c.fillStyle = c.strokeStyle = ink;
  }
}
