import type { ByteString } from "#bytes";

/** qmail-send's log alphabet (spec 8.1): LF becomes `/`; octets below 33, above 126, and `%` become `_`. */
export function safe(text: ByteString): string {
  return odd.test(text) ? text.replace(allOdd, (octet) => (octet === "\n" ? "/" : "_")) : text;
}

const odd = /[^\x21-\x24\x26-\x7e]/;
const allOdd = new RegExp(odd.source, "g");
