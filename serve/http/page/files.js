// Files to texts, by the rules of the command line: UTF-8, or UTF-16 that says so; never a guess.

const KINDS = [
  ["%PDF-", "a PDF"],
  ["PK\x03\x04", "an office document or a ZIP archive"],
  ["\xd0\xcf\x11\xe0", "an old office document"],
  ["{\\rtf", "an RTF document"],
  ["\x89PNG", "an image"],
  ["\xff\xd8\xff", "an image"],
];

/** The text of a file. Throws an Error that names the problem and the remedy. */
export async function read(file, mostCharacters) {
  if (file.size > 4 * mostCharacters) {
    throw new Error(`is ${Math.ceil(file.size / 1e6)} MB, which is too long; split it into articles.`);
  }
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error("cannot be read; if it is a folder, choose the files in it.");
  }
  return decoded(bytes);
}

function decoded(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, 8));
  const known = KINDS.find(([start]) => head.startsWith(start));
  if (known) throw new Error(`is ${known[1]}, not text; paste its text instead.`);
  const encoding = head.startsWith("\xff\xfe") ? "utf-16le" : head.startsWith("\xfe\xff") ? "utf-16be" : "utf-8";
  if (encoding === "utf-8" && bytes.includes(0)) throw new Error("is binary, not text; paste its text instead.");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`is not ${encoding.toUpperCase()}; save it again as UTF-8, or paste its text instead.`);
  }
}
