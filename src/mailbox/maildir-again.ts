import { lstatSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { ByteString } from "#bytes";
import { diskPath } from "#files";
import type { MailItem } from "./mail-item.ts";

/**
 * Looks for what earlier attempts of this delivery left; what is left in tmp/ goes. `written`: a file is there, and nobody knows whether
 * the disk has it. `changed`: a reader has moved it to `cur/` and made it longer: it is the reader's now. Null: there is none; one in
 * `cur/` that a power cut has cut short goes.
 */
export async function clearEarlierAttempt(
  directory: ByteString,
  name: string,
  { head, message }: MailItem,
): Promise<"written" | "changed" | null> {
  for (const entry of await readdir(diskPath(`${directory}/tmp`))) {
    if (entry.startsWith(`${name}.`)) rmSync(diskPath(`${directory}/tmp/${entry}`), { force: true });
  }
  const found = await findDelivered(directory, name);
  if (found === null) return null;
  const whole = head.length + message.sizeBytes;
  if (found.isNew || found.sizeBytes === whole) return "written";
  if (found.sizeBytes > whole) return "changed";
  rmSync(found.path, { force: true });
  return null;
}

/** Where a delivery was found. */
export type Found = { readonly path: string | Buffer; readonly isNew: boolean; readonly sizeBytes: number };

/** The file of that name: as delivered, or as a reader has moved and marked it (`NAME:2,S`, `NAME,S=42:2,`); null if none. */
export async function findDelivered(directory: ByteString, name: string): Promise<Found | null> {
  const fresh = diskPath(`${directory}/new/${name}`);
  const freshBytes = sizeOfFile(fresh);
  if (freshBytes !== null) return { path: fresh, isNew: true, sizeBytes: freshBytes };
  const seen = (await readdir(diskPath(`${directory}/cur`))).find(
    (entry) => entry === name || entry.startsWith(`${name}:`) || entry.startsWith(`${name},`),
  );
  if (seen === undefined) return null;
  const path = diskPath(`${directory}/cur/${seen}`);
  const sizeBytes = sizeOfFile(path);
  return sizeBytes === null ? null : { path, isNew: false, sizeBytes };
}

/** Its size; null if there is none. A link or a folder of that name is no delivery of ours. */
function sizeOfFile(path: string | Buffer): number | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : null;
}
