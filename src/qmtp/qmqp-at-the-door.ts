import type { Socket } from "node:net";
import type { BegunEnvelope } from "./door-protocol.ts";
import type { DoorHouse } from "./door-server.ts";
import { serveQmqpPackage } from "./netstring-protocols-qmqpd.ts";
import type { Posting } from "./posting.ts";

/** A classic client that falls silent is let go after this long (qmail-qmqpd's alarm; spec 2.17). */
const timeoutMs = 3_600_000;

/** Serves one classic QMQP package: `early` is what has been read of it. One answer, then the end. */
export async function serveQmqp(socket: Socket, early: Buffer, house: DoorHouse): Promise<void> {
  socket.pause(); // Nobody listens between `early` and the loop below.
  socket.allowHalfOpen = true; // Who has said everything may say so by closing that half; the answer goes out by the other.
  async function* input(): AsyncGenerator<Uint8Array> {
    yield early;
    yield* socket as AsyncIterable<Buffer>;
  }
  const post = (envelope: Omit<BegunEnvelope, "origin">): Posting => {
    const incoming = house.begin({ ...envelope, origin: { invoker: "network", uid: 0 } });
    return { write: (bytes) => incoming.write(Buffer.from(bytes)), finish: incoming.end, abort: incoming.abort };
  };
  socket.setTimeout(timeoutMs); // Whoever let it in has said what happens then.
  try {
    const reply = await serveQmqpPackage(input(), {
      post: ({ sender, recipients }) => post({ sender, recipients: [...recipients] }),
      // Who knocks here is on this host and writes its own trace field; the queue adds its Received line.
      traceLine: () => "",
      now: () => new Date(),
      qp: process.pid,
      ...(house.holdIn === undefined ? {} : { holdIn: house.holdIn }),
    });
    socket.end(reply);
  } catch {
    socket.destroy(); // The peer broke the protocol or went away: nothing was queued, there is nobody to tell.
  }
}
