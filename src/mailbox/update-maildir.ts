import { renameSync, unlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { ByteString } from "#bytes";
import { diskPath, errorCode } from "#files";
import { findMoved, type ListedMessage } from "./list-maildir.ts";

const filesPerTurn = 200;

async function remove(maildir: ByteString, { file, uniqueName }: ListedMessage): Promise<boolean> {
  try {
    unlinkSync(diskPath(`${maildir}/${file}`));
    return true;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") return false;
  }
  try {
    // Another reader has set a flag, or has removed it, which is what was wanted.
    const moved = await findMoved(maildir, uniqueName);
    if (moved !== null) unlinkSync(diskPath(`${maildir}/${moved}`));
    return true;
  } catch (error) {
    return errorCode(error) === "ENOENT";
  }
}

/**
 * The end of a session: removes the messages to be deleted, and moves the others from `new/X` to `cur/X:2,` (they are not new
 * any more). False if some could not be removed; a message that cannot be moved stays new.
 */
export async function updateMaildir(
  maildir: ByteString,
  messages: readonly ListedMessage[],
  isDeleted: (index: number) => boolean,
): Promise<boolean> {
  let allRemoved = true;
  for (const [index, message] of messages.entries()) {
    if (index % filesPerTurn === filesPerTurn - 1) await turn();
    if (isDeleted(index)) allRemoved = (await remove(maildir, message)) && allRemoved;
    else if (message.file.startsWith("new/")) keep(maildir, message.file.slice(4));
  }
  return allRemoved;
}

function keep(maildir: ByteString, name: ByteString): void {
  const to = name.includes(":") ? name : `${name}:2,`;
  try {
    renameSync(diskPath(`${maildir}/new/${name}`), diskPath(`${maildir}/cur/${to}`));
  } catch {
    // It stays new, or another reader has moved it already: nothing is lost either way.
  }
}
