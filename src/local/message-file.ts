import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageSource } from "#mail";
import { messagePieces } from "#mailbox";

/**
 * The message as a file without a name, open for reading at its beginning: what a program gets as stdin. Programs written for
 * qmail rewind it, and one that stops reading early breaks no pipe. The caller closes it. Throws what the disk says, or
 * `UnreadableMessage`.
 */
export async function openMessageFile(message: MessageSource): Promise<FileHandle> {
  const path = join(tmpdir(), `.quail-message.${process.pid}.${randomBytes(8).toString("hex")}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await using writer = await open(path, flags, 0o600);
  try {
    for await (const piece of messagePieces(message)) await writer.writeFile(piece);
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } finally {
    await rm(path, { force: true });
  }
}
