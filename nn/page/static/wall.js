// The wall for a projector: the last answers, and the class's own digits as they grow.

import { pixelCanvas } from "./pixels.js";

const EVERY = 2000; // milliseconds between two looks
const MOST_ANSWERS = 20;
const MOST_OF_LABEL = 30;
const PATIENCE = 60 * 60 * 1000; // without news, the wall lets the Pi sleep
const find = (selector) => document.querySelector(selector);
const seen = { run: "", after: 0, digits_after: 0 };
let newsAt = Date.now();
let rows = [];

function beginAgain(run) {
  Object.assign(seen, { run, after: 0, digits_after: 0 });
  find("#answers").replaceChildren();
  find("#sheet tbody").replaceChildren();
  rows = [];
}

function showAnswer(answer) {
  const item = document.createElement("li");
  const words = document.createElement("b");
  words.textContent = answer.sure ? answer.answer : `${answer.answer}?`;
  item.append(pixelCanvas(answer.pixels, `a drawing, read as ${words.textContent}`), words);
  find("#answers").prepend(item);
  while (find("#answers").children.length > MOST_ANSWERS) find("#answers").lastElementChild.remove();
}

function showSheet(counts, digits) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  find("#sheet").hidden = false;
  find("#total").textContent = total;
  if (!rows.length) {
    rows = counts.map((_, label) => {
      const row = find("#sheet tbody").insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = label;
      row.append(name);
      return { pictures: row.insertCell(), count: row.insertCell() };
    });
  }
  counts.forEach((count, label) => (rows[label].count.textContent = count));
  for (const { label, pixels } of digits) {
    const { pictures } = rows[label];
    pictures.append(pixelCanvas(pixels, `a ${label}`));
    while (pictures.children.length > MOST_OF_LABEL) pictures.firstElementChild.remove();
  }
}

function show(news) {
  if (news.run !== seen.run) beginAgain(news.run);
  news.answers.forEach(showAnswer);
  for (const { number } of news.answers) seen.after = Math.max(seen.after, number);
  const digits = news.digits || [];
  for (const { number } of digits) seen.digits_after = Math.max(seen.digits_after, number);
  if (!news.counts) find("#sheet").hidden = true; // the teacher has switched it off
  if (news.counts && (news.collects || digits.length)) showSheet(news.counts, digits);
  if (news.answers.length || digits.length) newsAt = Date.now();
  find("#told").textContent = find("#answers").children.length ? "" : "Nobody has drawn yet.";
}

async function look() {
  if (document.visibilityState === "visible" && find("#resume").hidden) {
    try {
      const query = new URLSearchParams(seen);
      const response = await fetch(`/recent?${query}`);
      const news = await response.json();
      if (news.error) find("#told").textContent = news.error;
      else show(news);
    } catch {
      find("#told").textContent = "The Pi does not answer. Is this computer on its network?";
    }
    if (Date.now() - newsAt > PATIENCE) {
      find("#told").textContent = "Nobody has drawn for an hour: the wall rests.";
      find("#resume").hidden = false;
    }
  }
  setTimeout(look, EVERY);
}

find("#resume").addEventListener("click", () => {
  find("#resume").hidden = true;
  newsAt = Date.now();
});
find("#address").textContent = `${location.host}`;
look();
