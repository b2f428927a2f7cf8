import type { Writable } from "node:stream";

const toldAlready = (): void => {};

/**
 * Hands bytes to a stream and waits until it has taken them, so that whoever makes output faster than it is read does not fill the
 * memory. Rejects when the stream refuses them (a full disk, a reader that has gone).
 */
export function writeAll(stream: Writable, bytes: Uint8Array | string): Promise<void> {
  return new Promise((done, failed) => {
    // The stream tells of a refusal twice: to the write, and as an event that would end the process if nobody listened.
    stream.once("error", toldAlready);
    stream.write(bytes, (error) => {
      if (error) return failed(error);
      stream.off("error", toldAlready);
      done();
    });
  });
}
