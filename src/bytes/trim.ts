import type { ByteString } from "./byte-string.ts";

/**
 * A text without the blanks, tabs and LFs at its end. (A regular expression looks at every run of blanks in the text again from each
 * of its octets: 64 KB of blanks and one letter took four seconds.)
 */
export function trimBlanksEnd(text: ByteString): ByteString {
  let end = text.length;
  while (end > 0) {
    const octet = text.charCodeAt(end - 1);
    if (octet !== 0x20 && octet !== 0x09 && octet !== 0x0a) break;
    end--;
  }
  return end === text.length ? text : text.slice(0, end);
}
