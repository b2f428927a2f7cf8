import type { ByteString } from "./byte-string.ts";

/**
 * Whether a text fits a pattern in which `*` is any octets, none among them; everything else is itself. Give the pattern split
 * at its `*`. A search for each piece after the other, no regular expression that could run away.
 */
export function fitsGlob(text: ByteString, pieces: readonly ByteString[]): boolean {
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (pieces.length < 2) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}
