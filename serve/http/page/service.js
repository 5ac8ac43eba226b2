// The one thing that the page asks for over the network: scores, of the service it came from.

const KEY = "respun.key";
let unstored = null; // the key, where the browser stores nothing for this page

/** A failure in words; `status` is that of HTTP, 0 where nothing answered. */
export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What the page must know before it sends: limits, and where the lines are. Null if unknown. */
export async function facts() {
  try {
    const answer = await fetch("/page/facts.json");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Keeps a key until the tab closes, or the page where the browser stores nothing. Throws a Failure for one that cannot be sent. */
export function useKey(key) {
  if (!/^[!-~]+$/.test(key)) {
    throw new Failure(401, "A key is made of letters, digits and signs without spaces; copy it again.");
  }
  unstored = key;
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // Then `unstored` has to do.
  }
}

function usedKey() {
  try {
    return sessionStorage.getItem(KEY) ?? unstored;
  } catch {
    return unstored;
  }
}

/** The results of texts [{id, text}], in their order. Throws a Failure. */
export async function score(texts, signal) {
  const key = usedKey();
  const headers = { "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const body = JSON.stringify({ texts, explain: true });
  let answer;
  try {
    answer = await fetch("/v1/score", { method: "POST", headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(
      0,
      `The service at ${location.host} does not answer. See that it runs (python -m serve.http) ` +
        "and that you are connected to it.",
    );
  }
  const content = await answer.json().catch(() => null);
  if (!answer.ok) throw new Failure(answer.status, refusal(answer, content));
  if (!content?.results) {
    throw new Failure(answer.status, "The service answered with something else than scores; reload this page.");
  }
  return content.results;
}

function refusal(answer, content) {
  const told = content?.error?.message;
  const said = told ? ` (${told})` : "";
  const wait = answer.headers.get("Retry-After");
  switch (answer.status) {
    case 401:
      return usedKey()
        ? "The service does not know this key. Enter another."
        : "The service asks for a key. Enter it below.";
    case 413:
      return `This is more than the service takes at once${said}. Send fewer or shorter texts.`;
    case 429:
      return `The service is busy${said}. Try again in ${wait ? `${wait} s` : "a moment"}.`;
    case 503:
      return `The service is starting or stopping${said}. Try again in ${wait ? `${wait} s` : "a moment"}.`;
    case 504:
      return `The service did not finish in time${said}. Try again, or send a shorter text.`;
    default:
      return `The service refused with status ${answer.status}${said}. Try again, or ask whoever runs it.`;
  }
}
