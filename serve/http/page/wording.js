// Numbers and verdicts in words; the only place of the page where numbers are rounded.
//
// What is said here must hold: a score is a reason to look closer, and no line claims more.

const RATES = { "fpr-5pct": "1 in 20", "fpr-1pct": "1 in 100", "fpr-0.1pct": "1 in 1,000" };

export const KINDS = {
  human: ["Human", "no machine involved"],
  rewritten: ["Rewritten", "an article in a machine’s words"],
  generated: ["Generated", "written by a machine from a prompt"],
  spun: ["Spun", "synonyms put in by a program"],
};

const VERDICTS = {
  machine: {
    badge: "flagged",
    title: "Flagged: reads as machine-made",
    caution: "A reason to look closer, and no proof: human articles are flagged, too.",
  },
  uncertain: {
    badge: "uncertain",
    title: "Uncertain",
    caution: "Higher than most human articles of like length, but below the line for a flag. Read it with care.",
  },
  human: {
    badge: "not flagged",
    title: "Not flagged",
    caution: "This clears nobody: lightly edited and short machine texts often pass.",
  },
  too_short: {
    badge: "too short",
    title: "Not scored: too short",
    caution: "Nothing is known about who wrote it. Add the rest of the article, if there is more.",
  },
  unsupported_language: {
    badge: "not English",
    title: "Not scored: not in English",
    caution: "Nothing is known about who wrote it.",
  },
};

/** What a verdict is called: {badge, title, caution}. */
export function verdict(result) {
  return VERDICTS[result.verdict] ?? { badge: result.verdict, title: result.verdict, caution: "" };
}

/** What a result means, in one sentence. */
export function meaning(result) {
  if (result.score === null) return `${sentence(result.reason)}.`;
  const share = result.p_human;
  if (share === null) {
    return "How many human articles of like length score this high is not known: none were held back.";
  }
  return `Of human articles of like length, ${odds(share)} would score this high${share > 0.1 ? " or higher" : ""}.`;
}

/** p_human in words. It counts the text itself: where (1 + k) / (1 + n) is 1 / N, k / n is less. */
export function odds(share) {
  if (share > 0.995) return "nearly all";
  if (share > 0.1) return `about ${Math.round(100 * share)}%`;
  const among = 1 / share;
  const rarer = Math.abs(among - Math.round(among)) < 1e-6 * among;
  return `${rarer ? "fewer than" : "about"} 1 in ${count(Math.round(among))}`;
}

/** Where the lines are that the verdict hangs on, {uncertain, machine}; null for one not drawn. */
export function lines(result, uncertainFrom) {
  const { policy, value } = result.threshold;
  const rate = RATES[policy];
  const reached = (share) => `about ${share} human articles of like length score higher`;
  return {
    uncertain:
      uncertainFrom === null || uncertainFrom >= value
        ? null
        : `Uncertain from ${rounded(uncertainFrom)}: ${reached(RATES["fpr-5pct"])}.`,
    machine: `Flagged from ${rounded(value)}: ${rate ? reached(rate) : "a line set by whoever runs this service"}.`,
  };
}

/** How much of the text is marked, and what that takes. */
export function markedShare(result, marked) {
  const least = rounded(result.threshold.passages);
  const sentences = counted(result.passages.length, "sentence");
  if (!marked) return `None of ${sentences} is marked; each scores less than ${least}.`;
  return (
    `Marked: ${count(marked)} of ${sentences}, ` +
    `${Math.round(100 * result.machine_share)}% of the words; each scores ${least} or more. ` +
    "Read the marks as hints where to look."
  );
}

/** What a signal is, how often it was found, and in what share of articles it is. */
export function told(signal) {
  const { human_share: human, machine_share: machine } = signal;
  const shares =
    human === null || machine === null
      ? ""
      : ` Seen in ${percent(human)} of human and ${percent(machine)} of machine articles.`;
  const times = signal.count === 1 ? "once" : `${count(signal.count)} times`;
  return `${sentence(signal.name.replaceAll("_", " "))}, ${times}: ${signal.explanation}.${shares}`;
}

/** What scored a text, when, and how long it is. */
export function facts(result, when) {
  const { name, version, sha256 } = result.model;
  return (
    `${counted(result.words, "word")}. Scored ${moment(when)} by ${name} ${version} ` +
    `(weights sha256 ${sha256.slice(0, 12)}…), threshold ${result.threshold.policy}.`
  );
}

/** Results of several texts in one line: how many of each verdict. */
export function tally(outcomes) {
  const found = new Map();
  for (const { badge } of outcomes) found.set(badge, (found.get(badge) ?? 0) + 1);
  const parts = [...found].map(([badge, times]) => `${count(times)} ${badge}`);
  return `${counted(outcomes.length, "text")}: ${parts.join(", ")}.`;
}

/** Four digits, never 0 or 1: no score is certain. */
export function rounded(score) {
  return Math.min(Math.max(score, 0.0001), 0.9999).toFixed(4);
}

/** Two digits, for a sentence. */
export function short(score) {
  return Math.min(Math.max(score, 0.01), 0.99).toFixed(2);
}

export function count(number) {
  return number.toLocaleString("en");
}

export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

export function moment(when) {
  return when.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

function percent(share) {
  if (share < 0.0001) return "under 0.01%";
  return share < 0.1 ? `${Number((100 * share).toPrecision(2))}%` : `${Math.round(100 * share)}%`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
