import { type ByteString, toBytes } from "#bytes";
import type { MessageSource } from "#mail";
import { messagePieces } from "#mailbox";

const lf = 0x0a;
const emptyLine = Buffer.from("\n\n");

/**
 * Does the header (up to the first empty line) hold a line byte-identical to this Delivered-To line? `line` has its LF.
 * Throws if the message cannot be read.
 */
export async function isLooping(message: MessageSource, line: ByteString): Promise<boolean> {
  const wanted = toBytes(`\n${line}`);
  // A LF in front makes the first line like every other, and finds a header that is empty.
  let window: Buffer = Buffer.of(lf);
  for await (const piece of messagePieces(message)) {
    const seen = piece.indexOf(emptyLine);
    window = Buffer.concat([window, seen < 0 ? piece : piece.subarray(0, seen + emptyLine.length)]);
    const end = window.indexOf(emptyLine);
    // The LF that ends the header's last line is part of what is searched.
    const header = end < 0 ? window : window.subarray(0, end + 1);
    if (header.includes(wanted)) return true;
    if (end >= 0) return false;
    window = window.subarray(Math.max(0, window.length - wanted.length));
  }
  return false;
}
