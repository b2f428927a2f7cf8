import type { ByteString } from "#bytes";

/** RFC 6376 §3.2: tag names are case-sensitive. */
const tagName = /^[A-Za-z][A-Za-z0-9_]*$/;
/** No header field or DNS record of ours to read has more tags than this. */
const maxTags = 100;

/** Blanks and line ends around a value (FWS of RFC 6376 §2.8, in the house's LF form). */
function trim(text: ByteString): ByteString {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** By hand: a regular expression for blanks at the end takes the square of a long run of them in the middle. */
const isBlank = (octet: number): boolean =>
  octet === 0x20 || (octet >= 0x09 && octet <= 0x0d && octet !== 0x0b && octet !== 0x0c);

/**
 * A tag=value list (RFC 6376 §3.2): of signatures, key records, DMARC records. Null if it is malformed: a duplicate name, a piece
 * without `=`, a control character. A last `;` is allowed.
 */
export function parseTagList(text: ByteString): ReadonlyMap<ByteString, ByteString> | null {
  const tags = new Map<ByteString, ByteString>();
  const pieces = text.split(";");
  if (pieces.length > maxTags) return null;
  for (const [index, piece] of pieces.entries()) {
    if (trim(piece) === "") {
      // Only after the last `;`.
      if (index === pieces.length - 1 && index > 0) continue;
      return null;
    }
    const equals = piece.indexOf("=");
    if (equals < 0) return null;
    const name = trim(piece.slice(0, equals));
    const value = trim(piece.slice(equals + 1));
    if (!tagName.test(name) || tags.has(name) || !isTagValue(value)) return null;
    tags.set(name, value);
  }
  return tags;
}

/** VALCHAR and FWS; octets above 127 are UTF-8 (RFC 8616). */
function isTagValue(value: ByteString): boolean {
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value);
}

/** A value without any of its folding blanks: base64, domain names. */
export const withoutBlanks = (value: ByteString): ByteString => value.replace(/[ \t\r\n]+/g, "");

/** A colon-separated list, blanks around its elements dropped. */
export const colonList = (value: ByteString): readonly ByteString[] => value.split(":").map(trim);

/** Base64 (RFC 4648 §4) with blanks anywhere, in its one canonical form; null for anything else. Never empty. */
export function decodeBase64(value: ByteString): Buffer | null {
  const text = withoutBlanks(value);
  if (text === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, "base64");
  // Loose ends would let a mutated signature pass as the same octets.
  return bytes.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "") ? bytes : null;
}
