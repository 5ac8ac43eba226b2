// The page itself: takes texts, has them scored in small groups, and shows what comes back.

import * as files from "./files.js";
import * as history from "./history.js";
import { report } from "./report.js";
import * as service from "./service.js";
import { CodePoints, countWords } from "./text.js";
import * as wording from "./wording.js";

// A group is what one request holds: small enough to be scored well within the deadline.
const GROUP_TEXTS = 16;
const GROUP_CHARACTERS = 200_000;

const $ = (id) => document.getElementById(id);
const facts = await service.facts();
const usual = { characters: 1_000_000, texts: GROUP_TEXTS, minimum_words: 40 };
const limits = facts?.limits ?? usual;
const BUSY = "Something is being scored. Wait for it, or stop it, and drop the files again.";

let outcomes = []; // what is shown: {name, text, when, result} or {name, problem}
let waiting = []; // what is yet to be scored: {id, text}
let running = null; // an AbortController, while something is being scored

// --- Taking texts -------------------------------------------------------------------------------

function pasted() {
  const text = $("text").value;
  const problem = tooLong(text) ?? (text.trim() ? null : "There is nothing to score yet. Paste an article or drop files.");
  if (problem) {
    complain(problem);
    $("text").focus();
    return;
  }
  begin([{ id: `Pasted text, ${wording.counted(countWords(text), "word")}`, text }]);
}

async function dropped(list) {
  if (running) {
    complain(BUSY);
    return;
  }
  const taken = [];
  tell(`Reading ${wording.counted(list.length, "file")}…`);
  for (const file of list) {
    try {
      const text = await files.read(file, limits.characters);
      const problem = tooLong(text) ?? (text.trim() ? null : "is empty; choose a file that holds an article.");
      taken.push({ id: file.name, text, problem });
    } catch (error) {
      taken.push({ id: file.name, problem: error.message });
    }
  }
  begin(taken);
}

function tooLong(text) {
  if (text.length <= limits.characters) return null;
  const { count } = new CodePoints(text);
  if (count <= limits.characters) return null;
  const [length, most] = [count, limits.characters].map(wording.count);
  return `This is ${length} characters long, and the service takes ${most}. Split it into articles.`;
}

function begin(taken) {
  if (!taken.length) return;
  if (running) {
    complain(BUSY); // begun while the files were read
    return;
  }
  outcomes = taken.map(({ id, text, problem }) => ({ name: id, text, problem }));
  waiting = outcomes.filter((outcome) => !outcome.problem);
  drawResults();
  work();
}

// --- Scoring ------------------------------------------------------------------------------------

async function work() {
  if (running) return;
  running = new AbortController();
  try {
    busy(true);
    $("problem").hidden = true;
    while (waiting.length) {
      const { length } = outcomes;
      tell(length > 1 ? `Scoring ${length - waiting.length + 1} of ${length}…` : "Scoring…");
      const group = nextGroup();
      take(group, await service.score(group.map(({ name, text }) => ({ id: name, text })), running.signal));
      waiting = waiting.slice(group.length);
    }
    $("key-form").hidden = true;
    finish();
  } catch (error) {
    fail(error);
  } finally {
    running = null;
    busy(false);
  }
}

function nextGroup() {
  let characters = 0;
  const most = Math.min(GROUP_TEXTS, limits.texts);
  const over = waiting.findIndex(({ text }, index) => {
    characters += text.length;
    return index > 0 && (index >= most || characters > GROUP_CHARACTERS);
  });
  return over < 0 ? [...waiting] : waiting.slice(0, over);
}

function take(group, results) {
  group.forEach((outcome, index) => {
    const result = results[index];
    if (result.error) {
      outcome.problem = result.error.message;
    } else {
      Object.assign(outcome, { result, when: new Date() });
      const kept = history.add(result, outcome.text, outcome.when);
      if (!kept) complain("This browser has no room for the history; clear the list.");
    }
    drawOutcome(outcome);
  });
}

function finish() {
  const only = outcomes.length === 1 ? outcomes[0] : null;
  if (only?.problem) {
    complain(`${only.name}: ${only.problem}`);
    tell("");
    return;
  }
  tell(only ? "" : wording.tally(outcomes.map(badgeOf)));
  arrive();
}

/** Takes the reader, of a screen or by ear, to what was found. */
function arrive() {
  ($("results").querySelector(".report .verdict") ?? $("results")).focus({ preventScroll: true });
  $("results").scrollIntoView();
}

function fail(error) {
  tell(outcomes.length > 1 ? wording.tally(outcomes.map(badgeOf)) : "");
  if (error.name === "AbortError") {
    complain("Stopped.", true);
    return;
  }
  if (!(error instanceof service.Failure)) {
    complain("This page failed. Reload it, and report it if it fails again.");
    throw error;
  }
  $("key-form").hidden = error.status !== 401;
  complain(error.message, error.status !== 401);
  if (error.status === 401) $("key").focus();
}

function complain(message, again = false) {
  $("problem").querySelector("p").textContent = message;
  $("retry").hidden = !again;
  $("problem").hidden = false;
}

function tell(message) {
  $("status").textContent = message;
}

function busy(on) {
  $("score").disabled = on;
  $("files").disabled = on;
  $("stop").hidden = !on;
  document.body.classList.toggle("busy", on);
  drawHistory();
}

// --- Showing results ----------------------------------------------------------------------------

/** One text is shown at once; several as a list that opens one by one. */
function drawResults() {
  $("results").replaceChildren();
  if (outcomes.length === 1) return;
  const list = document.createElement("ol");
  list.className = "list";
  for (const outcome of outcomes) {
    const row = $("item-template").content.firstElementChild.cloneNode(true);
    row.querySelector(".name").textContent = outcome.name;
    row.querySelector("details").addEventListener("toggle", (event) => openOutcome(event.target, outcome));
    outcome.row = row;
    list.append(row);
    drawOutcome(outcome);
  }
  $("results").append(list);
}

function drawOutcome(outcome) {
  if (outcome.row) {
    fillBadge(outcome.row, badgeOf(outcome), outcome.result);
  } else if (outcome.result) {
    $("results").replaceChildren(report(outcome.result, outcome.text, facts, outcome.when));
  }
}

function openOutcome(details, outcome) {
  details.querySelector(".report, .problem")?.remove();
  if (!details.open) return;
  for (const other of $("results").querySelectorAll("details[open]")) if (other !== details) other.open = false;
  details.append(outcome.result ? report(outcome.result, outcome.text, facts, outcome.when) : explained(outcome));
}

function explained({ name, problem }) {
  const paragraph = document.createElement("p");
  paragraph.className = "problem";
  paragraph.textContent = problem ? `${name}: ${problem}` : "Not scored yet.";
  return paragraph;
}

function badgeOf({ result, problem }) {
  if (result) return { badge: wording.verdict(result).badge, verdict: result.verdict };
  return problem ? { badge: "failed", verdict: "failed" } : { badge: "waiting", verdict: "waiting" };
}

function fillBadge(row, { badge, verdict }, result) {
  row.querySelector(".badge").textContent = badge;
  row.querySelector(".badge").className = `badge ${verdict}`;
  row.querySelector(".number").textContent = result?.score != null ? wording.rounded(result.score) : "";
}

// --- History ------------------------------------------------------------------------------------

function drawHistory() {
  const { list, texts } = history.choices();
  const kept = history.entries();
  $("keep-history").checked = list;
  $("keep-texts").checked = texts;
  $("keep-texts").disabled = !list;
  $("clear-history").hidden = !kept.length;
  $("history").replaceChildren(...kept.map(historyRow));
}

function historyRow({ when, result, text }) {
  const row = $("history-template").content.firstElementChild.cloneNode(true);
  const scored = new Date(when);
  row.querySelector("time").textContent = wording.moment(scored);
  row.querySelector("time").dateTime = when;
  row.querySelector(".name").textContent = result.id;
  fillBadge(row, badgeOf({ result }), result);
  row.querySelector(".open").disabled = running !== null;
  row.querySelector(".open").addEventListener("click", () => {
    $("problem").hidden = true;
    waiting = [];
    outcomes = [{ name: result.id, result, text: text ?? null, when: scored }];
    drawResults();
    drawOutcome(outcomes[0]);
    tell("");
    arrive();
  });
  return row;
}

function chosen() {
  history.choose({ list: $("keep-history").checked, texts: $("keep-texts").checked });
  drawHistory();
}

// --- Events -------------------------------------------------------------------------------------

function counted() {
  const text = $("text").value;
  const words = countWords(text);
  const lacking = words && words < limits.minimum_words ? `; at least ${limits.minimum_words} are needed` : "";
  $("count").textContent = tooLong(text) ?? (words ? `${wording.counted(words, "word")}${lacking}` : "");
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  pasted();
});
$("text").addEventListener("input", counted);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit($("score"));
});
$("files").addEventListener("change", async ({ target }) => {
  await dropped([...target.files]);
  target.value = ""; // so that the same file can be chosen again
});
$("stop").addEventListener("click", () => running?.abort());
$("retry").addEventListener("click", work);
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) return;
  try {
    service.useKey($("key").value.trim());
    $("key").value = "";
    work();
  } catch (error) {
    fail(error);
  }
});
$("keep-history").addEventListener("change", chosen);
$("keep-texts").addEventListener("change", chosen);
$("clear-history").addEventListener("click", () => {
  history.clear();
  drawHistory();
});
// Text that is dragged goes where the browser puts it, such as into the field for it.
const holdsFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dragging");
});
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dragging");
  dropped([...event.dataTransfer.files]);
});

$("origin").textContent = location.host;
$("model").textContent = facts ? `Scored by ${facts.model}.` : "";
$("limits").textContent =
  `English news articles of ${limits.minimum_words} words or more, up to ` +
  `${wording.count(limits.characters)} characters each; files as plain text.`;
counted();
drawHistory();
