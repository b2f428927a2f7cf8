/** A string whose characters are octets (U+0000..U+00FF). Made by `fromBytes`, `utf8ToByteString`, or ASCII literals. */
export type ByteString = string;

/** Octets as a byte string; nothing is decoded and nothing is lost. `fromBytes(Buffer.of(0xc3)) === "\u00c3"`. */
export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** A byte string as octets; the inverse of `fromBytes`. */
export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, "latin1");
}

/** Ordinary text (an argument, a file name) as the byte string of its UTF-8 octets. */
export function utf8ToByteString(text: string): ByteString {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A byte string for people: its octets decoded as UTF-8, wrong octets shown as U+FFFD. */
export function displayText(text: ByteString): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

const hasUpper = /[A-Z]/;

/** Lower-cases A-Z only; other octets stay as they are (qmail's case rule: ASCII, never the locale's). */
export function lowerAscii(text: ByteString): ByteString {
  return hasUpper.test(text) ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : text;
}
