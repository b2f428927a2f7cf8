import type { ByteString } from "#bytes";

/** More ESMTP parameters than this in one command are not looked at (RFC 5321 §4.5.3.1.4 gives a line 512 bytes and more). */
const maxParameters = 32;

/**
 * ESMTP parameters (RFC 5321 §4.1.2) by keyword in upper case; a keyword without `=` has the value "". Unknown ones are
 * kept, malformed ones are left out: the caller ignores what it does not know (spec Q-016).
 */
export function parseParameters(words: ByteString): ReadonlyMap<string, ByteString> {
  const found = new Map<string, ByteString>();
  if (words === "") return found;
  for (const word of words.split(/ +/, maxParameters)) {
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\x80-\xff]*))?$/.exec(word);
    if (match !== null) found.set(match[1]!.toUpperCase(), match[2] ?? "");
  }
  return found;
}

/** Undoes xtext (RFC 3461 §4): `+2B` is `+`. Null if a `+` is not followed by two upper-case hex digits. */
export function decodeXtext(text: ByteString): ByteString | null {
  if (/\+(?![0-9A-F]{2})/.test(text)) return null;
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
