import { isAscii } from "node:buffer";
import type { MessageSource } from "#mail";
import type { MessageBody } from "#smtp/client";

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

/** A queued message as the SMTP client takes it, with `top` above it. A large one is taken for 8-bit rather than read twice. */
export function bodyOf(message: MessageSource, top: Buffer | null = null): MessageBody {
  const body = bareBodyOf(message);
  if (top === null || top.length === 0) return body;
  return { ...body, sizeBytes: message.sizeBytes + top.length, pieces: () => withTop(top, body) };
}

/** Its own piece: the bytes of a message in memory are others' too. */
async function* withTop(top: Buffer, body: MessageBody): AsyncGenerator<Uint8Array> {
  yield top;
  yield* body.pieces();
}

function bareBodyOf(message: MessageSource): MessageBody {
  const { whole, sizeBytes } = message;
  return whole === null
    ? { sizeBytes, eightBit: true, pieces: () => piecesOf(message) }
    : { sizeBytes, eightBit: !isAscii(whole), pieces: () => [whole] };
}
