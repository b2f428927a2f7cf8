import { type ByteString, fromBytes, lowerAscii } from "#bytes";

/** One header field as it stands in the message: its lines with LF ends, nothing changed. */
export type HeaderField = {
  /** Lower case; "" for a line that is no field. */
  readonly name: ByteString;
  readonly raw: ByteString;
};

const lf = 0x0a;

/** Where the header ends: the offset of the first byte after its last field (an empty line or the end follows); -1: not yet seen. */
export function headerEnd(bytes: Buffer, from = 0): number {
  if (bytes[0] === lf) return 0;
  const at = bytes.indexOf("\n\n", Math.max(0, from - 1), "latin1");
  return at < 0 ? -1 : at + 1;
}

/** The fields of a header, byte for byte: joined again they are the header. A last line without LF gets one. */
export function headerFields(header: Buffer): readonly HeaderField[] {
  if (header.length === 0) return [];
  const text = fromBytes(header);
  const fields: HeaderField[] = [];
  const whole = text.endsWith("\n") ? text : `${text}\n`;
  let start = 0;
  for (let at = whole.indexOf("\n"); at >= 0; at = whole.indexOf("\n", at + 1)) {
    const next = whole[at + 1];
    if (next === " " || next === "\t") continue;
    const raw = whole.slice(start, at + 1);
    fields.push({ name: nameOf(raw), raw });
    start = at + 1;
  }
  return fields;
}

/** RFC 5322 §2.2: printable octets but the colon; blanks before the colon are obsolete and still met (§4.5). */
function nameOf(raw: ByteString): ByteString {
  return lowerAscii(/^([\x21-\x39\x3b-\x7e]+)[ \t]*:/.exec(raw)?.[1] ?? "");
}

/** What stands behind the colon. */
export const fieldBody = ({ raw }: HeaderField): ByteString => raw.slice(raw.indexOf(":") + 1);
