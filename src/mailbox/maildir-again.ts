import { constants, lstatSync, rmSync } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import type { ByteString } from "#bytes";
import { diskPath } from "#files";
import { type MailItem, messagePieces } from "./mail-item.ts";

/** Looks for what earlier attempts of this delivery left. True: it is there, whole. What is left in tmp/ goes. */
export async function clearEarlierAttempt(directory: ByteString, name: string, item: MailItem): Promise<boolean> {
  for (const entry of await readdir(diskPath(`${directory}/tmp`))) {
    if (entry.startsWith(`${name}.`)) rmSync(diskPath(`${directory}/tmp/${entry}`), { force: true });
  }
  const found = await findDelivered(directory, name);
  return found !== null && (await isWhole(found, item));
}

/** Where a delivery was found. */
export type Found = { readonly path: string | Buffer; readonly isNew: boolean };

/** The file of that name: as delivered, or as a reader has moved and marked it (`NAME:2,S`, `NAME,S=42:2,`); null if none. */
export async function findDelivered(directory: ByteString, name: string): Promise<Found | null> {
  const fresh = diskPath(`${directory}/new/${name}`);
  if (isFile(fresh)) return { path: fresh, isNew: true };
  const seen = (await readdir(diskPath(`${directory}/cur`))).find(
    (entry) => entry === name || entry.startsWith(`${name}:`) || entry.startsWith(`${name},`),
  );
  if (seen === undefined) return null;
  const path = diskPath(`${directory}/cur/${seen}`);
  return isFile(path) ? { path, isNew: false } : null;
}

/** A link or a folder of that name is no delivery of ours. */
function isFile(path: string | Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Did all of the message get to the disk? In `new/` it must be the same byte for byte, or it is written over. In `cur/` the
 * reader may have changed it; there a file that was cut short is removed, any other counts as delivered.
 */
async function isWhole({ path, isNew }: Found, item: MailItem): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await handle.stat();
    if (!isNew && size >= item.head.length + item.message.sizeBytes) return true;
    if (isNew && size === item.head.length + item.message.sizeBytes && (await holds(handle, item))) return true;
  } finally {
    await handle.close();
  }
  if (!isNew) rmSync(path, { force: true });
  return false;
}

async function holds(handle: FileHandle, { head, message }: MailItem): Promise<boolean> {
  const same = async (expected: Buffer, at: number): Promise<boolean> => {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(expected.length), 0, expected.length, at);
    return bytesRead === expected.length && buffer.equals(expected);
  };
  if (!(await same(head, 0))) return false;
  let at = head.length;
  for await (const piece of messagePieces(message)) {
    if (!(await same(piece, at))) return false;
    at += piece.length;
  }
  return true;
}
