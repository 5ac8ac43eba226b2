// What was scored, kept in this browser's local storage and nowhere else.
//
// Off and on by a tick; texts are kept by another, which is off until a person sets it. Without
// the texts an entry holds nothing of what was pasted, not even its first words.

const ENTRIES = "respun.history";
const CHOICES = "respun.choices";
const MOST = 100;

/** What the person chose: {list, texts}. */
export function choices() {
  return { list: true, texts: false, ...read(CHOICES, {}) };
}

/** Keeps a choice; texts that may no longer be kept are dropped at once. */
export function choose(chosen) {
  write(CHOICES, chosen);
  if (!chosen.texts) write(ENTRIES, entries().map(({ text, ...rest }) => rest));
}

/** Entries, latest first: {when, result, text?}; `result` has no passages without a text.
 *
 * What another version or a person has put there and cannot be shown is left out.
 */
export function entries() {
  const kept = read(ENTRIES, []);
  return Array.isArray(kept) ? kept.filter((entry) => entry?.result?.verdict && Date.parse(entry.when)) : [];
}

/** Adds a result; the oldest make room. Returns whether there was room at all. */
export function add(result, text, when) {
  const { list, texts } = choices();
  if (!list) return true;
  const entry = texts
    ? { when: when.toISOString(), result, text }
    : { when: when.toISOString(), result: { ...result, passages: [] } };
  const kept = [entry, ...entries()].slice(0, MOST);
  while (kept.length && !write(ENTRIES, kept)) kept.pop();
  return kept.length > 0;
}

export function clear() {
  try {
    localStorage.removeItem(ENTRIES);
  } catch {
    // A browser that keeps nothing has nothing to clear.
  }
}

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Returns false where the storage is full or closed to this page. */
function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
