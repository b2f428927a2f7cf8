import { errorText } from "#files";
import { type BodyFile, createBodyFile, largeBodyBytes, readBodyFile, type StoredBody } from "./bodies.ts";

/** A message's bytes as they come in. End with exactly one of `end` and `abort`. */
export type BodyGatherer = {
  write(bytes: Uint8Array): void;
  /** The body, durable if it is a file (S3); null if the disk refused, which the log tells. */
  end(): Promise<StoredBody | null>;
  abort(): void;
};

/**
 * Bytes of unfinished small bodies held in memory, all senders together. Beyond that they go to their files at once: whoever opens
 * thousands of messages and finishes none fills the disk's quota, not our memory.
 */
const maxHeldBytes = 64 * 1024 * 1024;

/** What a piece costs beside its octets, about: whoever sends one octet in each must not get 200 times as much of our memory. */
const pieceBytes = 200;

/** Makes gatherers for one queue. `log` hears why a body could not be written. */
export function bodyGathering(
  home: string,
  log: (line: string) => void,
  maxHeld = maxHeldBytes,
): (id: number) => BodyGatherer {
  let heldBytes = 0;
  return (id) => {
    let pieces: Uint8Array[] = [];
    let held = 0;
    let size = 0;
    let file: BodyFile | null = null;
    let failed = false;
    const letGo = (): void => {
      pieces = [];
      heldBytes -= held;
      held = 0;
    };
    const fail = (error: unknown): void => {
      failed = true;
      letGo();
      log(`warning: trouble writing to mess/${id}: ${errorText(error)}`);
    };
    /** S1 -> S2. */
    const spill = (): void => {
      try {
        file ??= createBodyFile(home, id);
        for (const piece of pieces) file.write(piece);
        letGo();
      } catch (error) {
        fail(error); // end() says so; nothing was acknowledged.
      }
    };
    return {
      write(bytes) {
        size += bytes.length;
        if (failed) return;
        pieces.push(bytes);
        held += bytes.length + pieceBytes;
        heldBytes += bytes.length + pieceBytes;
        if (file !== null || size > largeBodyBytes || heldBytes > maxHeld) spill();
      },
      async end() {
        const content = pieces;
        letGo();
        if (failed) {
          file?.discard();
          return null;
        }
        if (file === null) return { kind: "bytes", bytes: Buffer.concat(content, size) };
        return size > largeBodyBytes ? seal(file, size, fail) : takeBack(file, home, id, size);
      },
      abort() {
        letGo();
        file?.discard();
      },
    };
  };
}

/** S2 -> S3. */
async function seal(file: BodyFile, sizeBytes: number, fail: (error: unknown) => void): Promise<StoredBody | null> {
  try {
    await file.seal();
    return { kind: "file", sizeBytes };
  } catch (error) {
    fail(error);
    file.discard();
    return null;
  }
}

/** S2 -> S1: a small body that had to leave memory goes into the database after all; only large ones stay files. */
function takeBack(file: BodyFile, home: string, id: number, size: number): StoredBody {
  try {
    return { kind: "bytes", bytes: readBodyFile(home, id, 0, size) };
  } finally {
    file.discard();
  }
}
