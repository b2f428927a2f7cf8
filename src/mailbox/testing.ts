/** For the tests of this room and of `local`: messages from text. */
import type { MessageSource } from "#mail";

/** A message in memory. */
export function smallMessage(text: string): MessageSource {
  const whole = Buffer.from(text, "latin1");
  return { sizeBytes: whole.length, whole, read: async (at, length) => whole.subarray(at, at + length) };
}

/** The same message as if it were too large for memory, in pieces of at most `pieceBytes`. */
export function largeMessage(text: string, pieceBytes = 7): MessageSource {
  const bytes = Buffer.from(text, "latin1");
  return {
    sizeBytes: bytes.length,
    whole: null,
    read: async (at, length) => bytes.subarray(at, at + Math.min(length, pieceBytes)),
  };
}
