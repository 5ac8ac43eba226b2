// The text under judgement, cut where sentences and signals start and end.
//
// Results count characters as Python does, in code points; JavaScript's strings count UTF-16
// units. Everything here that leaves `CodePoints` is in units.

/** Where the code points of a text are, in UTF-16 units. */
export class CodePoints {
  /** @param {string} text */
  constructor(text) {
    this.wide = []; // the code points that take two units, by their index
    let points = 0;
    for (let unit = 0; unit < text.length; unit += 1, points += 1) {
      if (text.codePointAt(unit) > 0xffff) {
        this.wide.push(points);
        unit += 1;
      }
    }
    this.count = points;
  }

  /** The place in units of the code point at `offset`. */
  unit(offset) {
    let low = 0;
    let high = this.wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.wide[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return offset + low;
  }
}

/** The spans of a signal in units, those in the same word as one. */
function inWords(text, points, offsets) {
  const spans = [];
  for (const { start, end } of offsets) {
    const span = { start: points.unit(start), end: points.unit(end) };
    const last = spans.at(-1);
    if (last && !/\s/u.test(text.slice(last.end, span.start))) last.end = Math.max(last.end, span.end);
    else spans.push(span);
  }
  return spans;
}

/**
 * The whole text in order, as pieces that lie in one sentence or between two, under the same
 * signals: {start, end, sentence, places}. `sentence` is the index of the passage, -1 for none;
 * `places` lists {signal, place, first} of the signals that a piece is part of.
 */
export function* pieces(text, result) {
  const points = new CodePoints(text);
  const passages = result.passages.map(({ start, end }) => [points.unit(start), points.unit(end)]);
  const spans = result.signals.flatMap((found, signal) =>
    inWords(text, points, found.offsets).map((span, place) => ({ ...span, signal, place })),
  );
  spans.sort((one, other) => one.start - other.start);
  const cuts = new Set([0, text.length, ...passages.flat()]);
  for (const { start, end } of spans) cuts.add(start).add(end);
  const sorted = [...cuts].sort((one, other) => one - other);
  let sentence = 0;
  let coming = 0;
  let current = [];
  for (let index = 0; index + 1 < sorted.length; index += 1) {
    const [start, end] = [sorted[index], sorted[index + 1]];
    while (sentence < passages.length && passages[sentence][1] <= start) sentence += 1;
    while (coming < spans.length && spans[coming].start <= start) current.push(spans[coming++]);
    current = current.filter((span) => span.end > start);
    yield {
      start,
      end,
      sentence: sentence < passages.length && passages[sentence][0] <= start ? sentence : -1,
      places: current.map((span) => ({
        signal: span.signal,
        place: span.place,
        first: span.start === start,
        last: span.end === end,
      })),
    };
  }
}

/** A text in lines, each with the break that ends it. */
export function lines(text) {
  return text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g) ?? [];
}

/** The words of a text, as white space parts them. */
export function countWords(text) {
  return text.match(/\S+/g)?.length ?? 0;
}
