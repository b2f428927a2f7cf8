import { writeSync } from "node:fs";

/** How long to wait when the reader of our lines is behind, in milliseconds. */
const behindMs = 5;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes text to a descriptor whole, waiting for a slow reader. When nobody reads any more (the supervisor was killed) the
 * text is dropped: the service is about to end, and must do that in order.
 */
export function writeOut(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(never, 0, 0, behindMs);
    }
  }
}
