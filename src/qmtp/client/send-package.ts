import type { Duplex } from "node:stream";
import { type ByteString, fromBytes, netstring, toBytes } from "#bytes";
import { type Fate, fateOfLetter } from "#mail";
import { LineWire, WireError } from "#net";
import { NetstringEnd, NetstringInput } from "../netstring-protocols-input.ts";

/** A reply longer than this is none. */
const maxReplyBytes = 5_000;

/** A message as stored (LF line ends), `sizeBytes` in all, and its envelope. */
export type QmtpPackage = {
  readonly sender: ByteString;
  readonly recipients: readonly ByteString[];
  readonly sizeBytes: number;
  pieces(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
};

/** What the server said of one recipient. */
export type QmtpReply = { readonly fate: Fate; readonly text: ByteString };

/**
 * How a package fared. `replies`: in the order of recipients, as far as they came. `died`: the connection broke, or the server spoke
 * no QMTP; `sentAll` tells whether it may have the message. `unreadable`: our side could not read it; nothing was queued.
 */
export type QmtpResult = { readonly replies: readonly QmtpReply[] } & (
  | { readonly kind: "answered" }
  | { readonly kind: "died"; readonly sentAll: boolean }
  | { readonly kind: "unreadable"; readonly error: unknown }
);

/** Our side's trouble, told apart from the peer's. */
class Unreadable extends Error {}

/** Sends one package over a fresh connection and reads its replies (spec 2.17). Closes the connection. Throws on bugs only. */
export async function sendQmtpPackage(socket: Duplex, what: QmtpPackage, timeoutMs: number): Promise<QmtpResult> {
  const wire = new LineWire(socket, timeoutMs);
  const replies: QmtpReply[] = [];
  let sentAll = false;
  try {
    await write(wire, what);
    sentAll = true;
    await readReplies(wire, what.recipients.length, replies);
    return { kind: "answered", replies };
  } catch (error) {
    if (error instanceof Unreadable) return { kind: "unreadable", replies, error: error.cause };
    if (error instanceof WireError || error instanceof NetstringEnd) return { kind: "died", replies, sentAll };
    throw error;
  } finally {
    socket.destroy();
  }
}

/** The package; its last octets leave with the envelope, so that a server can have all of it only when we know that. */
async function write(wire: LineWire, { sender, recipients, sizeBytes, pieces }: QmtpPackage): Promise<void> {
  // An LF in front says: line ends are LF (10), not CRLF (13).
  wire.write(toBytes(`${sizeBytes + 1}:\n`));
  let written = 0;
  for await (const piece of readable(pieces)) {
    written += piece.length;
    if (written > sizeBytes) break;
    wire.write(piece);
    await wire.flush();
  }
  if (written !== sizeBytes) throw new Unreadable("the message is not as long as it was said to be");
  const inner = Buffer.concat(recipients.map((recipient) => netstring(recipient)));
  wire.write(Buffer.concat([toBytes(","), netstring(sender), netstring(inner)]));
  await wire.flush();
}

async function* readable(pieces: QmtpPackage["pieces"]): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces();
  } catch (cause) {
    throw new Unreadable("unable to read message", { cause });
  }
}

async function readReplies(wire: LineWire, count: number, replies: QmtpReply[]): Promise<void> {
  const input = new NetstringInput(chunksOf(wire));
  while (replies.length < count) {
    const length = await input.length();
    if (length < 1 || length > maxReplyBytes) throw new NetstringEnd(100);
    const text = fromBytes(await input.take(length));
    await input.comma();
    const fate = fateOfLetter(text.slice(0, 1));
    if (fate === null) throw new NetstringEnd(100);
    replies.push({ fate, text: text.slice(1) });
  }
}

async function* chunksOf(wire: LineWire): AsyncGenerator<Buffer> {
  for (let chunk = await wire.readSome(); chunk !== null; chunk = await wire.readSome()) yield chunk;
}
