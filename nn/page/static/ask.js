// Ask the server, again and again while it wakes up or is busy: nothing that was drawn is lost.

const MOST_TRIES = 40;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// Returns the server's JSON, with an `error` that people can read where it refuses.
// `isWanted` ends the tries when the answer is no longer needed; then it returns null.
export async function ask(path, body, { tell, isWanted = () => true }) {
  const options = body === undefined ? {} : { method: "POST", body };
  if (body) options.headers = { "Content-Type": "application/octet-stream" };
  for (let tries = 1; isWanted(); tries++) {
    let reply;
    try {
      const response = await fetch(path, options);
      reply = await response.json();
    } catch {
      reply = { error: "The Pi does not answer. Is this device on its network?", again: true };
    }
    if (!reply.again || tries >= MOST_TRIES) return reply;
    tell(`${reply.error} Trying again …`);
    await pause(Math.min(2, 0.3 * tries) + 0.5 * Math.random());
  }
  return null;
}
