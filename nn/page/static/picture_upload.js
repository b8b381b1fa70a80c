// The browser's half of PictureUpload in widgets.py, and of the page's button for a photo: it shrinks
// a large picture and sends it. A page that sets "side" gets every picture no larger than that.

const SMALL_FILE = 500_000; // bytes; smaller files are sent unchanged
const SIDE = 1200; // pixels of the longer side, as nn/images/pictures.py uses

async function shrink(file, side) {
  const picture = await createImageBitmap(file); // the right way up, as EXIF says
  const factor = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(factor * picture.width));
  canvas.height = Math.max(1, Math.round(factor * picture.height));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

async function prepare(file, side) {
  if (!side && file.size <= SMALL_FILE) return file;
  try {
    return await shrink(file, side || SIDE);
  } catch {
    return file.slice(0, SMALL_FILE); // not a picture: from its start, the kernel says why
  }
}

function render({ model, el }) {
  const label = document.createElement("label");
  label.className = "pi-nn-upload";
  label.textContent = "Picture: ";
  const input = document.createElement("input");
  Object.assign(input, { type: "file", accept: "image/*" });
  input.style.fontSize = "16px";
  input.dataset.lmSuppressShortcuts = "true"; // or "d d" deletes the cell
  label.append(input);
  el.append(label);

  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const content = await (await prepare(file, model.get("side"))).arrayBuffer();
    model.set({ content: new DataView(content), name: file.name, number: model.get("number") + 1 });
    model.save_changes();
  });
  input.addEventListener("click", () => (input.value = "")); // the same file can be chosen again
}

export default { render };
