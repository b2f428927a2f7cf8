import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A message up to this size waits in memory while its proofs are looked for. */
const memoryBytes = 128 * 1024;
/** What all messages under way may hold in memory; beyond it they go to disk at once. */
const maxHeldBytes = 32 * 1024 * 1024;
/** What a piece costs beside its octets, about. */
const pieceCostBytes = 200;
const readBytes = 64 * 1024;

/** The octets of one message, held until it is known what goes on top of them. Ended by `discard`, whatever happens. */
export type Spill = {
  /** Throws when the disk is full. The bytes may not change after. */
  write(bytes: Buffer): void;
  /** All of them again, in order. */
  pieces(): Iterable<Buffer>;
  discard(): void;
};

/** Makes spills that share one allowance of memory and one of disk; `folder` is for the files, which have no name there. */
export function makeSpills(folder: string, maxDiskBytes: number): () => Spill {
  let heldBytes = 0;
  let diskBytes = 0;
  let files = 0;

  const openNameless = (): number => {
    const path = join(folder, `spill-${process.pid}-${++files}`);
    const fd = openSync(path, "wx+", 0o600);
    unlinkSync(path); // It is gone with us, however we go.
    return fd;
  };

  return () => {
    let pieces: Buffer[] = [];
    let held = 0;
    let size = 0;
    let fd: number | null = null;
    const letGo = (): void => {
      pieces = [];
      heldBytes -= held;
      held = 0;
    };
    const append = (bytes: Buffer): void => {
      if (diskBytes + bytes.length > maxDiskBytes)
        throw new Error("messages under way fill the filter's share of disk");
      for (let at = 0; at < bytes.length; ) at += writeSync(fd ?? -1, bytes, at);
      diskBytes += bytes.length;
      size += bytes.length;
    };
    return {
      write(bytes) {
        if (fd === null) {
          pieces.push(bytes);
          held += bytes.length + pieceCostBytes;
          heldBytes += bytes.length + pieceCostBytes;
          if (held <= memoryBytes && heldBytes <= maxHeldBytes) return;
          fd = openNameless();
          for (const piece of pieces) append(piece);
          letGo();
        } else append(bytes);
      },
      *pieces() {
        if (fd === null) return void (yield* pieces);
        for (let at = 0; at < size; ) {
          const piece = Buffer.allocUnsafe(Math.min(readBytes, size - at));
          const got = readSync(fd, piece, 0, piece.length, at);
          if (got === 0) throw new Error("a spilled message ends early");
          at += got;
          yield got === piece.length ? piece : piece.subarray(0, got);
        }
      },
      discard() {
        letGo();
        if (fd === null) return;
        closeSync(fd);
        fd = null;
        diskBytes -= size;
        size = 0;
      },
    };
  };
}
