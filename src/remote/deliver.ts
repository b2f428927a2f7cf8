import { isAscii } from "node:buffer";
import { type DeliveryJob, domainOf, type MessageSource, type Outcome } from "#mail";
import type { MessageBody } from "#smtp/client";
import { attempt } from "./attempt.ts";
import { combine } from "./report.ts";
import { say } from "./texts.ts";
import type { RemoteWorld } from "./world.ts";

/** Bytes asked of the queue at a time. */
const pieceBytes = 128 * 1024;

/** Reads a large message from the queue, one piece ahead of the wire. */
export async function* piecesOf(message: MessageSource): AsyncGenerator<Buffer> {
  const readAt = (offset: number): Promise<Buffer> | null => {
    if (offset >= message.sizeBytes) return null;
    const piece = message.read(offset, pieceBytes);
    piece.catch(() => {}); // Whoever awaits it hears of the failure; if the wire breaks first, nobody has to.
    return piece;
  };
  let offset = 0;
  let next = readAt(0);
  while (next !== null) {
    const piece = await next;
    if (piece.length === 0) throw new Error(`message ends at ${offset} of ${message.sizeBytes} bytes`);
    offset += piece.length;
    next = readAt(offset);
    yield piece;
  }
}

/** A queued message as the SMTP client takes it. A large one is taken for 8-bit rather than read twice. */
function bodyOf(message: MessageSource): MessageBody {
  const { whole, sizeBytes } = message;
  return whole === null
    ? { sizeBytes, eightBit: true, pieces: () => piecesOf(message) }
    : { sizeBytes, eightBit: !isAscii(whole), pieces: () => [whole] };
}

/** Makes the remote channel's `deliver`: one recipient, one attempt (qmail-rspawn and qmail-remote in one). */
export function makeDeliver(world: RemoteWorld): (job: DeliveryJob) => Promise<Outcome> {
  return async ({ recipient, sender, message }) => {
    if (!recipient.includes("@")) return say.noHostInAddress;
    return combine(
      await attempt(domainOf(recipient), { sender, recipients: [recipient], body: bodyOf(message) }, world),
    );
  };
}
