import { Socket } from "node:net";
import type { LineWire } from "#net";

/** A client that does not take the last words in this time does not want them. */
const lastWordsMs = 60_000;

/**
 * Ends a conversation on a program's own streams: everything said goes out, the streams stay open for whoever comes next. Resolves
 * with what the client has sent ahead of its time.
 */
export async function leaveWire(wire: LineWire): Promise<Buffer> {
  await wire.flush().catch(() => {}); // The client is gone; there is nobody left to tell.
  await new Promise<void>((done) => {
    const timer = setTimeout(done, lastWordsMs);
    const settle = (): void => {
      clearTimeout(timer);
      done();
    };
    // Behind everything written before; at once if the stream is broken.
    if (wire.socket.destroyed) settle();
    else wire.socket.write("", settle);
  });
  // Nothing can arrive between these: what is there resolves at once.
  const ahead: Buffer[] = [];
  while (wire.unreadBytes > 0) ahead.push((await wire.readSome()) ?? Buffer.alloc(0));
  const stream = wire.release();
  // A connection that is input and output at once belongs to whoever made it (tcpserver), as both streams do otherwise.
  if (!(stream instanceof Socket)) stream.destroy();
  return Buffer.concat(ahead);
}
