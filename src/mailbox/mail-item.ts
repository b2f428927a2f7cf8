import type { MessageSource } from "#mail";

/** What goes into a mailbox: the delivery's own lines (Return-Path, Delivered-To), then the message. */
export type MailItem = { readonly head: Buffer; readonly message: MessageSource };

/** Largest piece a source gives in one read. */
const pieceBytes = 256 * 1024;

/** The queue is on this machine: a piece that takes longer will not come any more. In milliseconds. */
const pieceLimitMs = 600_000;

/** Thrown when the message cannot be read (the queue is gone); told apart from trouble with the mailbox. */
export class UnreadableMessage extends Error {}

/** The bytes of a message in pieces, in order. Throws `UnreadableMessage`. */
export async function* messagePieces(message: MessageSource): AsyncGenerator<Buffer> {
  if (message.whole !== null) {
    if (message.whole.length > 0) yield message.whole;
    return;
  }
  for (let at = 0; at < message.sizeBytes; ) {
    let piece: Buffer;
    try {
      piece = await inTime(message.read(at, Math.min(pieceBytes, message.sizeBytes - at)));
    } catch (cause) {
      throw new UnreadableMessage("unable to read message", { cause });
    }
    if (piece.length === 0) throw new UnreadableMessage("the message is shorter than it was said to be");
    yield piece;
    at += piece.length;
  }
}

async function inTime(reading: Promise<Buffer>): Promise<Buffer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error("the queue is silent")), pieceLimitMs);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
