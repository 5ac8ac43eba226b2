// One result as a report: verdict, score, kinds, signals, and the text with its marks.
//
// Text is hostile: it enters the page as text nodes only, and the page's text content stays the
// text as given. Letters, scores and signs for what cannot be seen are drawn by the style sheet.

import { lines, pieces } from "./text.js";
import * as wording from "./wording.js";

const STEPS = [0.5, 0.75, 0.9]; // scores from which a sentence takes the next shade
const STAND_INS = {
  invisible_characters: "·",
  split_words: "·",
  unreadable_characters: "·",
  odd_spaces: "␣",
};
const LONG = 50_000; // characters from which paragraphs off the screen are left undrawn
const EDGE = 0.0005; // the score at either end of the scale

/**
 * The element that shows a result. `text` is null where it was not kept; `facts` are the
 * service's, `when` is a Date.
 */
export function report(result, text, facts, when) {
  const element = copyOf("report-template");
  const find = (selector) => element.querySelector(selector);
  const { title, caution } = wording.verdict(result);
  element.classList.add(result.verdict);
  element.setAttribute("aria-label", String(result.id));
  find(".name").textContent = result.id;
  find(".verdict").textContent = title;
  find(".meaning").textContent = wording.meaning(result);
  find(".caution").textContent = caution;
  find(".facts").textContent = wording.facts(result, when);
  if (result.score === null) {
    find(".figures").remove();
  } else {
    showScore(find(".score"), result, facts);
    showKinds(find(".kinds dl"), result.kinds);
  }
  const reading = text === null ? null : showText(find(".reading"), text, result);
  if (!reading) find(".reading").replaceChildren("The text was not kept, so that it cannot be shown.");
  showSignals(find(".signals"), result.signals, reading?.places);
  find(".copy").addEventListener("click", () => copyJson(result, find(".copied")));
  find(".print").addEventListener("click", () => window.print());
  return element;
}

function copyOf(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

// --- Score and kinds ----------------------------------------------------------------------------

function showScore(section, result, facts) {
  const from = uncertainFrom(facts, result.words);
  const { value } = result.threshold;
  section.querySelector(".number").textContent = wording.rounded(result.score);
  for (const [verdict, said] of Object.entries(wording.lines(result, from))) {
    const line = section.querySelector(`.lines .${verdict}`).parentElement;
    if (said) line.append(said);
    else line.remove();
  }
  const scale = section.querySelector(".scale");
  scale.setAttribute("aria-label", `Score ${wording.rounded(result.score)} on a scale from 0 to 1`);
  section.querySelector(".needle").style.left = percent(result.score);
  place(section.querySelector(".zone.machine"), value, 1);
  place(section.querySelector(".zone.uncertain"), from === null ? value : Math.min(from, value), value);
  for (const tick of [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999]) {
    const mark = document.createElement("span");
    mark.className = "tick";
    mark.textContent = String(tick);
    mark.style.left = percent(tick);
    scale.append(mark);
  }
}

/** The score from which a text of so many words is uncertain; null where the service told none. */
function uncertainFrom(facts, words) {
  return facts?.lines.findLast((line) => line.from_words <= words)?.uncertain_from ?? null;
}

function place(zone, from, to) {
  zone.style.left = percent(from);
  zone.style.width = `${position(to) - position(from)}%`;
}

function percent(score) {
  return `${position(score)}%`;
}

/** Where a score is on the scale, in percent: log-odds, since the lines crowd near 1. */
function position(score) {
  const bounded = Math.min(Math.max(score, EDGE), 1 - EDGE);
  const odds = (share) => Math.log(share / (1 - share));
  return 50 + (50 * odds(bounded)) / odds(1 - EDGE);
}

function showKinds(list, kinds) {
  for (const [name, share] of Object.entries(kinds)) {
    const row = copyOf("kind-template");
    const [title, told] = wording.KINDS[name] ?? [name, ""];
    row.querySelector(".title").textContent = title;
    row.querySelector(".hint").textContent = told;
    row.querySelector(".bar > span").style.width = `${100 * share}%`;
    row.querySelector(".value").textContent = wording.short(share);
    list.append(row);
  }
}

// --- Text ---------------------------------------------------------------------------------------

/** Fills the reading section; returns the places of each signal as elements. */
function showText(section, text, result) {
  const { blocks, marked, places } = written(text, result);
  const body = section.querySelector(".text");
  body.append(blocks);
  body.classList.toggle("long", text.length > LONG);
  if (result.passages.length) {
    section.querySelector(".marked-share").textContent = wording.markedShare(result, marked.length);
  } else {
    section.querySelectorAll(".marked-share, .legend > :not(.signal-legend)").forEach((part) => part.remove());
  }
  if (!result.signals.length) section.querySelector(".signal-legend").remove();
  if (!section.querySelector(".legend").children.length) section.querySelector(".legend").remove();
  if (marked.length) walk(section, marked);
  else section.querySelector(".walk").remove();
  body.addEventListener("click", ({ target }) => {
    const sentence = target.closest(".sentence");
    if (sentence?.classList.contains("marked")) sentence.focus();
  });
  return { places };
}

/** The text as elements, in one pass: blocks hold sentences, sentences hold signals. */
function written(text, result) {
  const blocks = document.createDocumentFragment();
  const marked = [];
  const places = result.signals.map(() => []);
  let block = null;
  let sentence = null;
  let index = -1;
  const open = () => {
    block ??= blocks.appendChild(element("div", "block"));
    return sentence ?? block;
  };
  for (const piece of pieces(text, result)) {
    if (piece.sentence !== index) {
      index = piece.sentence;
      sentence = null;
      if (index >= 0) {
        const shown = shaded(result.passages[index], result.threshold.passages);
        if (shown.classList.contains("marked")) marked.push(shown);
        sentence = open().appendChild(shown);
      }
    }
    const content = text.slice(piece.start, piece.end);
    // A line break between two sentences ends a block; one within a sentence stays in it.
    for (const line of index >= 0 ? [content] : lines(content)) {
      open().append(...(piece.places.length ? signalled(line, piece.places, result, places) : [line]));
      if (index < 0 && /[\r\n]$/.test(line)) block = null;
    }
  }
  for (let last = blocks.lastChild; last && !last.textContent.trim(); last = last.previousSibling) last.hidden = true;
  marked.forEach((shown, number) => {
    shown.setAttribute("role", "group");
    shown.setAttribute("aria-label", `Marked sentence ${number + 1} of ${marked.length}, score ${shown.dataset.score}`);
    shown.tabIndex = number ? -1 : 0;
  });
  return { blocks, marked, places };
}

function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

function shaded({ score }, line) {
  const step = STEPS.filter((least) => score >= least).length;
  const shown = element("span", `sentence step-${step}`);
  shown.dataset.score = wording.short(score);
  shown.title = `score ${wording.rounded(score)}`;
  if (score >= line) shown.classList.add("marked");
  return shown;
}

/** A piece under one or more signals; notes it down as the place of those that start with it. */
function signalled(content, found, result, places) {
  const shown = element("span", "signal");
  const bare = content.trimEnd() || content;
  shown.append(bare);
  shown.tabIndex = -1;
  shown.title = found.map(({ signal }) => result.signals[signal].explanation).join("; ");
  const ending = found.filter(({ last }) => last).map(({ signal }) => letter(signal));
  if (ending.length) shown.dataset.letter = ending.join(" ");
  const broken = found.some(({ signal }) => result.signals[signal].name === "broken_sentences");
  if (broken) shown.dataset.letter = `↵ ${ending.join(" ")}`;
  for (const { signal, place, first } of found) {
    const { name } = result.signals[signal];
    if (first) places[signal][place] ??= shown;
    if (name in STAND_INS) shown.dataset.standIn = STAND_INS[name].repeat(Math.min([...content].length, 3));
  }
  shown.setAttribute("role", "group");
  shown.setAttribute("aria-label", `Signal: ${found.map(({ signal }) => spoken(result.signals[signal])).join(", ")}`);
  return [shown, content.slice(bare.length)];
}

function spoken(signal) {
  return signal.name.replaceAll("_", " ");
}

function letter(index) {
  return String.fromCharCode("a".charCodeAt(0) + index);
}

/** From marked sentence to marked sentence, by buttons or keys; one stop for the tab key. */
function walk(section, marked) {
  const told = section.querySelector(".place");
  let current = -1;
  const go = (number) => marked[Math.min(Math.max(number, 0), marked.length - 1)].focus();
  const arrive = (number) => {
    marked[Math.max(current, 0)].tabIndex = -1;
    current = number;
    marked[current].tabIndex = 0;
    told.textContent = `${current + 1} of ${marked.length}, score ${marked[current].dataset.score}`;
  };
  const keys = {
    ArrowRight: () => go(current + 1),
    ArrowDown: () => go(current + 1),
    ArrowLeft: () => go(current - 1),
    ArrowUp: () => go(current - 1),
    Home: () => go(0),
    End: () => go(marked.length - 1),
  };
  marked.forEach((shown, number) => {
    shown.addEventListener("focus", () => arrive(number));
    shown.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
  });
  section.querySelector(".previous").addEventListener("click", () => go(current - 1));
  section.querySelector(".next").addEventListener("click", () => go(current + 1));
  told.textContent = `${marked.length} in all`;
}

// --- Signals ------------------------------------------------------------------------------------

function showSignals(section, signals, places) {
  if (!signals.length) section.remove();
  signals.forEach((signal, index) => {
    const row = copyOf("signal-template");
    row.querySelector(".letter").textContent = letter(index);
    row.querySelector(".told").textContent = wording.told(signal);
    const stops = places?.[index] ?? [];
    if (stops.length) show(row, stops);
    else row.querySelector(".places").remove();
    section.querySelector("ol").append(row);
  });
}

/** Leads from a signal to its places in the text, one after the other; Escape leads back. */
function show(row, stops) {
  const button = row.querySelector(".show");
  let next = 0;
  button.addEventListener("click", () => {
    stops[next].focus();
    next = (next + 1) % stops.length;
    row.querySelector(".shown").textContent = `next: ${next + 1} of ${stops.length}`;
  });
  for (const stop of stops) {
    stop.addEventListener("keydown", (event) => {
      if (event.key === "Escape") button.focus();
    });
  }
}

// --- Copy ---------------------------------------------------------------------------------------

async function copyJson(result, told) {
  const json = JSON.stringify(result, null, 2);
  try {
    await navigator.clipboard.writeText(json);
    told.textContent = "Copied.";
  } catch {
    told.textContent = copiedBySelection(json)
      ? "Copied."
      : "The browser forbids copying; allow this page to use the clipboard.";
  }
}

/** The older way, for browsers that keep the clipboard from pages without HTTPS. */
function copiedBySelection(content) {
  const field = element("textarea", "");
  field.value = content;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
