import { statSync } from "node:fs";
import { readdir, stat, unlink } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import type { ByteString } from "#bytes";
import { diskPath } from "#files";

/** A message of a Maildir as it was found. */
export type ListedMessage = {
  /** `new/NAME` or `cur/NAME:INFO`, below the Maildir. */
  readonly file: ByteString;
  /** The part before the colon: the same as long as the message lives (POP3's UIDL). */
  readonly uniqueName: ByteString;
  /** On disk, line ends as LF. */
  readonly sizeBytes: number;
  readonly mtimeMs: number;
};

/** Files looked at before others get their turn: some milliseconds. */
const filesPerTurn = 500;
/** Untouched in tmp/ for this long, a delivery has been given up (36 hours, as qmail-pop3d has it). */
const abandonedMs = 129_600_000;

/** Before the `:`, which no unique name has. */
export function uniqueNameOf(name: ByteString): ByteString {
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(0, colon);
}

async function names(maildir: ByteString, part: "new" | "cur"): Promise<readonly ByteString[]> {
  const all = await readdir(diskPath(`${maildir}/${part}`), { encoding: "latin1" });
  return all.filter((name) => !name.startsWith(".")).map((name) => `${part}/${name}`);
}

/**
 * The messages of a Maildir, `new` and `cur`, oldest first (by time, then name). What came this very second is left for the next
 * time: more may still come with the same time, and the order must not change. Throws what the disk says.
 */
export async function listMaildir(maildir: ByteString, nowMs: number): Promise<readonly ListedMessage[]> {
  const files = [...(await names(maildir, "new")), ...(await names(maildir, "cur"))];
  const thisSecondMs = Math.floor(nowMs / 1000) * 1000;
  const listed: ListedMessage[] = [];
  for (const [count, file] of files.entries()) {
    if (count % filesPerTurn === filesPerTurn - 1) await turn();
    const facts = statSync(diskPath(`${maildir}/${file}`), { throwIfNoEntry: false });
    // Moved or removed by another reader meanwhile: left to that one.
    if (facts === undefined || !facts.isFile() || facts.mtimeMs >= thisSecondMs) continue;
    listed.push({ file, uniqueName: uniqueNameOf(file.slice(4)), sizeBytes: facts.size, mtimeMs: facts.mtimeMs });
  }
  return listed.sort((a, b) => a.mtimeMs - b.mtimeMs || (a.uniqueName < b.uniqueName ? -1 : 1));
}

/** Where a listed message is now that another reader has changed its flags; null if it is gone. */
export async function findMoved(maildir: ByteString, uniqueName: ByteString): Promise<ByteString | null> {
  for (const part of ["cur", "new"] as const) {
    const found = (await names(maildir, part)).find((file) => uniqueNameOf(file.slice(4)) === uniqueName);
    if (found !== undefined) return found;
  }
  return null;
}

/** Removes what deliveries that were given up have left in tmp/. Trouble is left for the next time. */
export async function cleanMaildirTmp(maildir: ByteString, nowMs: number): Promise<void> {
  let left: readonly ByteString[] = [];
  try {
    left = await readdir(diskPath(`${maildir}/tmp`), { encoding: "latin1" });
  } catch {
    return; // No tmp: whoever delivers here will say so.
  }
  for (const name of left) {
    if (name.startsWith(".")) continue;
    const path = diskPath(`${maildir}/tmp/${name}`);
    const facts = await stat(path).catch(() => null);
    if (facts?.isFile() && facts.atimeMs + abandonedMs < nowMs) await unlink(path).catch(() => {});
  }
}
