// The browser's half of DrawingPad in widgets.py: it draws, and sends the picture after each stroke.

const SIDE = 280; // length of the canvas's side, in CSS pixels
const PEN = 24; // MNIST's strokes are about an eighth as thick as the digit is high
const STEP = 14; // how far an arrow key moves the pen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// Otherwise the notebook would handle keys pressed here: "d d" deletes a cell. It must be set on the
// element that has the focus.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };
const KEYS =
  "On the keyboard, the arrow keys move the pen, Space sets it down or lifts it, and Delete clears the pad.";
const LABEL = `Drawing pad for one digit. Draw with mouse, finger or pen. ${KEYS}`;

function element(tag, className, parent, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function blankCanvas(canvas, side) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  return context;
}

// A pen that leaves ink on a canvas; positions are canvas pixels.
function makePen(context) {
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  let last = null;
  return {
    isDown: () => last !== null,
    moveTo(point) {
      if (!last) return;
      context.beginPath();
      context.moveTo(...last);
      context.lineTo(...point);
      context.stroke();
      last = point;
    },
    down(point) {
      last = point;
      this.moveTo([point[0] + 0.01, point[1]]); // a dot: Chromium draws no line of no length
    },
    lift() {
      last = null;
    },
  };
}

function readInk(canvas, side) {
  const small = blankCanvas(document.createElement("canvas"), side);
  small.drawImage(canvas, 0, 0, side, side);
  const colours = small.getImageData(0, 0, side, side).data; // red, green, blue, opacity
  return Uint8Array.from({ length: side * side }, (_, pixel) => 255 - colours[4 * pixel]);
}

function showInk(context, view, side) {
  context.fillRect(0, 0, SIDE, SIDE);
  if (!view || view.byteLength === 0) return;
  const ink = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const small = document.createElement("canvas");
  const image = blankCanvas(small, side).getImageData(0, 0, side, side);
  ink.forEach((level, pixel) => image.data.fill(255 - level, 4 * pixel, 4 * pixel + 3));
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, SIDE, SIDE);
}

function followPointer(canvas, pen, onStroke) {
  let pointer = null; // the finger that draws; others are ignored
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = SIDE / canvas.clientWidth;
    const x = event.clientX - box.left - canvas.clientLeft;
    const y = event.clientY - box.top - canvas.clientTop;
    return [x * scale, y * scale];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault(); // the notebook keeps the focus: Shift+Enter still runs cells
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    pen.down(place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) pen.moveTo(place(each));
  });
  const finish = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    pen.lift();
    onStroke();
  };
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    canvas.addEventListener(end, finish);
}

function followKeys(canvas, cursor, pen, onStroke, onClear) {
  let at = [SIDE / 2, SIDE / 2];
  const showCursor = () => {
    cursor.hidden = false;
    cursor.classList.toggle("pi-nn-pad-cursor-down", pen.isDown());
    [cursor.style.left, cursor.style.top] = at.map((position) => `${position}px`);
  };
  const lift = () => {
    if (!pen.isDown()) return;
    pen.lift();
    onStroke();
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in ARROWS) {
      const inside = (position) => Math.min(SIDE, Math.max(0, position));
      at = at.map((position, axis) => inside(position + STEP * ARROWS[event.key][axis]));
      pen.moveTo(at);
    } else if (event.key === " ") {
      pen.isDown() ? lift() : pen.down(at);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      pen.lift();
      onClear();
    } else return;
    event.preventDefault();
    showCursor();
  });
  canvas.addEventListener("blur", () => {
    lift();
    cursor.hidden = true;
  });
}

function render({ model, el }) {
  const side = model.get("side");
  const pad = element("div", "pi-nn-pad", el);
  const sheet = element("div", "pi-nn-pad-sheet", pad);
  const canvas = element("canvas", "pi-nn-pad-canvas", sheet, {
    ...OWN_KEYS,
    tabindex: 0,
    role: "application",
    "aria-label": LABEL,
  });
  const cursor = element("div", "pi-nn-pad-cursor", sheet, { hidden: "", "aria-hidden": "true" });
  const button = element("button", "pi-nn-pad-clear", pad, { ...OWN_KEYS, type: "button" });
  button.textContent = "Clear";
  const keys = element("div", "pi-nn-pad-keys", pad, { role: "status" });
  const status = element("div", "pi-nn-pad-status", pad, { role: "status" });

  const context = blankCanvas(canvas, SIDE);
  const pen = makePen(context);
  let sending = false;
  const send = () => {
    sending = true;
    model.set("ink", readInk(canvas, side));
    sending = false;
    model.save_changes();
  };
  const clear = () => {
    context.fillRect(0, 0, SIDE, SIDE);
    send();
  };
  const onInk = () => sending || showInk(context, model.get("ink"), side);
  const onMessage = () => (status.textContent = model.get("message"));

  followPointer(canvas, pen, send);
  followKeys(canvas, cursor, pen, send, clear);
  // The focus comes by keyboard alone. Not every screen reader tells the label of an application.
  // The text stays: what is below it must not move away from a click.
  canvas.addEventListener("focus", () => (keys.textContent = KEYS), { once: true });
  button.addEventListener("click", clear);
  model.on("change:ink", onInk);
  model.on("change:message", onMessage);
  onInk();
  onMessage();
  return () => {
    model.off("change:ink", onInk);
    model.off("change:message", onMessage);
  };
}

export default { render };
