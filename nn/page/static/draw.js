// The page to draw on: it sends each drawing or photo, and shows what the network answers.

import drawingPad from "./drawing_pad.js";
import pictureUpload from "./picture_upload.js";
import { ask } from "./ask.js";
import { showPixels } from "./pixels.js";

const PAD_SIDE = 112; // pixels of what is sent, as nn/images/__init__.py expects
const PHOTO_SIDE = 800;
const find = (selector, parent = document) => parent.querySelector(selector);
const FIRST_WORDS = "Draw a digit here.";

// What the two widgets expect of a notebook: values, who listens to them, and a way to send them.
function makeModel(values, send) {
  const listeners = {};
  const set = (name, value) => {
    values[name] = value;
    for (const listener of listeners[`change:${name}`] || []) listener();
  };
  return {
    get: (name) => values[name],
    set: (name, value) =>
      typeof name === "string" ? set(name, value) : Object.entries(name).forEach((each) => set(...each)),
    on: (event, listener) => (listeners[event] = [...(listeners[event] || []), listener]),
    off: () => {},
    save_changes: () => send(),
  };
}

function card(digit) {
  const made = find("#card").content.cloneNode(true);
  const reads = digit.sure ? "" : "not sure: ";
  find(".answer", made).append(reads, Object.assign(document.createElement("b"), { textContent: digit.answer }));
  showPixels(find("canvas", made), digit.pixels);
  const table = find("tbody", made);
  digit.outputs.forEach((output, node) => {
    const row = table.insertRow();
    row.className = digit.names[node] === digit.answer ? "winner" : "";
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = digit.names[node];
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.style.width = `${Math.max(1, 100 * output)}%`;
    row.append(name);
    row.insertCell().append(bar);
    row.insertCell().textContent = output.toFixed(2);
  });
  return made;
}

const answers = find("#answers");
const keep = find("#keep");
const hint = find(".hint");
let shown = null; // the digit that `keep` asks about
let latest = 0; // number of the newest request: older ones are no longer wanted
let busy = false;
let waiting = null;
let last = null; // what was read last, for another model to read

const tell = (text) => pad.set("message", text);

function show(digits) {
  answers.replaceChildren(...digits.map(card));
  shown = digits.length === 1 && digits[0].id ? digits[0] : null;
  keep.hidden = !shown;
  find("#kept").textContent = "";
  setLabelsEnabled(true);
  const words = digits.map((digit) => (digit.sure ? digit.answer : `${digit.answer}?`)).join(" ");
  tell(digits.length === 1 ? digits[0].sentence : `The network reads ${digits.length} digits: ${words}`);
}

function showNothing(words) {
  answers.replaceChildren(hint);
  keep.hidden = true;
  shown = null;
  tell(words);
}

// One request at a time; of those that wait, only the newest is sent.
async function read(path, body) {
  latest += 1;
  waiting = { number: latest, path, body };
  last = { path, body };
  shown = null; // what is shown is no longer what was drawn
  setLabelsEnabled(false);
  if (busy) return;
  busy = true;
  while (waiting) {
    const { number, path: kind, body: content } = waiting;
    waiting = null;
    const isWanted = () => number === latest;
    const model = encodeURIComponent(find("#model").value);
    const reply = await ask(`/${kind}?model=${model}`, content, { tell, isWanted });
    if (!reply || !isWanted()) continue;
    if (reply.error) {
      showNothing(reply.error);
      listModels(); // the one that was asked may be gone
    } else show(reply.digits);
  }
  busy = false;
}

function forget(words) {
  latest += 1;
  waiting = last = null;
  showNothing(words);
}

const pad = makeModel({ side: PAD_SIDE, message: FIRST_WORDS }, () => {
  const ink = pad.get("ink");
  if (ink.some((level) => level > 0)) read("drawing", ink);
  else forget(FIRST_WORDS);
});

const upload = makeModel({ side: PHOTO_SIDE, number: 0 }, () => {
  pad.set("ink", undefined); // the card below is the photo's
  tell("The network looks for digits in your picture …");
  read("photo", upload.get("content"));
});

// Not by `disabled`: who came by keyboard would lose his place, and a screen reader what is said.
function setLabelsEnabled(enabled) {
  for (const button of find("#labels").children) button.setAttribute("aria-disabled", !enabled);
}

function addLabels() {
  for (let label = 0; label < 10; label++) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-label", `It is ${label}`);
    button.addEventListener("click", async () => {
      if (!shown || button.getAttribute("aria-disabled") === "true") return;
      const { id } = shown;
      setLabelsEnabled(false);
      const path = `/keep?id=${encodeURIComponent(id)}&label=${label}`;
      const kept = (text) => (find("#kept").textContent = text);
      const reply = await ask(path, "", { tell: kept });
      if (!shown || shown.id !== id) return;
      if (reply.error) setLabelsEnabled(true);
      else {
        pad.set("ink", undefined); // for the next one
        last = null;
      }
      const count = `${reply.kept} digit${reply.kept === 1 ? "" : "s"}`;
      kept(reply.error || `Kept as ${label}: your class has ${count}. Draw the next one.`);
    });
    find("#labels").append(button);
  }
}

// Returns the server's state.
async function listModels() {
  const state = await ask("/state", undefined, { tell });
  const chosen = find("#model").value;
  if (!state.error) find("#model").replaceChildren(...state.models.map((name) => new Option(name, name)));
  if (state.models?.includes(chosen)) find("#model").value = chosen;
  return state;
}

async function begin() {
  drawingPad.render({ model: pad, el: find("#pad") });
  pictureUpload.render({ model: upload, el: find("#upload") });
  addLabels();
  const state = await listModels();
  if (state.error) return tell(state.error);
  find("#model").addEventListener("change", () => last && read(last.path, last.body));
  if (!latest) tell(state.models.length ? FIRST_WORDS : "There is no model yet: train one first.");
}

begin();
