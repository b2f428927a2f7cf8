import { type ByteString, lowerAscii } from "#bytes";

/** RFC 6376 §3.4. */
export type Canonicalization = "simple" | "relaxed";

/** One header field (LF form) in canonical form, CRLF at its end (RFC 6376 §3.4.1, §3.4.2). */
export function canonicalField(raw: ByteString, how: Canonicalization): ByteString {
  if (how === "simple") return raw.replaceAll("\n", "\r\n");
  const colon = raw.indexOf(":");
  const name = lowerAscii(raw.slice(0, colon)).replace(/[ \t]+$/, "");
  const value = raw.slice(colon + 1).replaceAll("\n", "");
  return `${name}:${trimBlanks(value.replace(/[ \t]+/g, " "))}\r\n`;
}

/** One blank at either end, after runs were made one. */
function trimBlanks(text: ByteString): ByteString {
  return text.slice(text.startsWith(" ") ? 1 : 0, text.endsWith(" ") && text.length > 1 ? -1 : text.length);
}

/** The value of the `b=` tag taken out, all else as it was (RFC 6376 §3.7); the field's own line end is none of its value. */
export function withoutSignature(raw: ByteString): ByteString {
  const without = raw.replace(/([:;][ \t\r\n]*b[ \t\r\n]*=)[^;]*/, (_all, before: string) => before);
  return without.endsWith("\n") ? without : `${without}\n`;
}
