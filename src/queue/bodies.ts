import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fsyncDirectory } from "#files";

/** Bodies above this many bytes are files of their own under `queue/mess/`; others lie in the database. */
export const largeBodyBytes = 128 * 1024;

/** qmail's split: `queue/mess/<id mod 23>/<id>`. */
const split = 23;

/** A message's bytes as they were stored: at hand, or in a file that is already durable. */
export type StoredBody =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "file"; readonly sizeBytes: number };

/** The file of a large body. */
export const bodyFile = (home: string, id: number): string =>
  join(home, "queue", "mess", String(id % split), String(id));

/**
 * Makes the folders of large bodies, durably: a body that is synced into a folder which a power cut takes away is lost. Call it once
 * before the store is opened.
 */
export async function prepareBodies(home: string): Promise<void> {
  const mess = join(home, "queue", "mess");
  for (let part = 0; part < split; part++) mkdirSync(join(mess, String(part)), { recursive: true, mode: 0o700 });
  await fsyncDirectory(mess);
  await fsyncDirectory(join(home, "queue"));
  await fsyncDirectory(home);
}

/** fsync by a handle of its own: Node's permission model forbids `fs.fsync` on a number. The kernel syncs the file, not the handle. */
async function syncFile(path: string): Promise<void> {
  await using handle = await open(path, "r+");
  await handle.sync();
}

/** Writes a large body as it comes in. End with `seal` (then it is durable) or `discard`, which may follow a `seal` that failed. */
export type BodyFile = { write(bytes: Uint8Array): void; seal(): Promise<void>; discard(): void };

/** S1 -> S2. Creates the file; throws what the disk says. */
export function createBodyFile(home: string, id: number): BodyFile {
  const path = bodyFile(home, id);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A leftover of the same number can only be an orphan (numbers are never reused while their message lives).
  rmSync(path, { force: true });
  const fd = openSync(path, "wx", 0o600);
  let isOpen = true;
  const close = (): void => {
    // Once only: a number that was closed may be another file's by now.
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    },
    async seal() {
      try {
        await syncFile(path);
      } finally {
        close();
      }
      await fsyncDirectory(dirname(path));
    },
    discard() {
      close();
      rmSync(path, { force: true });
    },
  };
}

/** Bytes of a large body from `offset`; fewer only at its end. */
export function readBodyFile(home: string, id: number, offset: number, length: number): Buffer {
  const fd = openSync(bodyFile(home, id), "r");
  try {
    const bytes = Buffer.allocUnsafe(length);
    let have = 0;
    for (let got = 1; got > 0 && have < length; have += got)
      got = readSync(fd, bytes, have, length - have, offset + have);
    return bytes.subarray(0, have);
  } finally {
    closeSync(fd);
  }
}

/** S2 -> S1. */
export function removeBodyFile(home: string, id: number): void {
  rmSync(bodyFile(home, id), { force: true });
}
