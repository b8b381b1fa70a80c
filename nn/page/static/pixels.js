// Show the 28×28 grey levels that the server sends as base64: dark ink on light paper.

const SIDE = 28;

export function showPixels(canvas, text) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  const levels = atob(text);
  for (let pixel = 0; pixel < levels.length; pixel++) {
    image.data.fill(255 - levels.charCodeAt(pixel), 4 * pixel, 4 * pixel + 3);
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

export function pixelCanvas(text, label) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  showPixels(canvas, text);
  return canvas;
}
