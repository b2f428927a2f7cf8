import { constants } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { ByteString } from "#bytes";
import { diskPath, errorText } from "#files";
import type { Address, ReversePath } from "#mail";
import { fromLine } from "./from-line.ts";
import { lockMbox } from "./locked-mbox.ts";
import { quoteMboxrd } from "./mboxrd.ts";

/** What maildir2mbox works on: absolute paths. `temporary` is on the file system of `mbox`. */
export type MaildirToMbox = {
  readonly maildir: ByteString;
  readonly mbox: ByteString;
  readonly temporary: ByteString;
  /** Gets a line about each file that could not be removed and will come again. */
  readonly warn: (line: string) => void;
};

type MaildirFile = { readonly path: ByteString; readonly shown: ByteString; readonly mtime: Date };

const copyBytes = 256 * 1024;
/** Enough of a message to see its Return-Path line, which stands first. */
const returnPathBytes = 2048;

/** Words an operator knows, the system's reason behind them. */
async function attempt<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new Error(`${what}: ${errorText(cause)}`, { cause });
  }
}

/**
 * Moves everything in a Maildir (`new` and `cur`, oldest first) to the end of an mbox. The mbox is locked, copied with the
 * messages behind it, fsynced and renamed into place; then the Maildir's files are removed. A crash between the two leaves
 * duplicates, never a loss. Throws an Error in maildir2mbox's words, the mbox untouched.
 */
export async function maildirToMbox(call: MaildirToMbox): Promise<void> {
  const files = await attempt(`unable to scan ${call.maildir}`, () => scan(call.maildir));
  if (files.length === 0) return;
  const mbox = await attempt(`unable to lock ${call.mbox}`, () => lockMbox(call.mbox));
  if (mbox === null) throw new Error(`unable to lock ${call.mbox}: temporary failure`);
  try {
    await attempt(`unable to write to ${call.temporary}`, () => writeAll(call, files, mbox.handle));
    await attempt(`unable to move ${call.temporary} to ${call.mbox}`, async () => {
      await rename(diskPath(call.temporary), diskPath(call.mbox));
      await using folder = await open(diskPath(dirname(call.mbox)), "r");
      await folder.sync();
    });
  } finally {
    await mbox.release();
  }
  for (const file of files) {
    await unlink(diskPath(file.path)).catch((error: unknown) => {
      call.warn(`${file.shown} will be delivered twice; unable to unlink: ${errorText(error)}`);
    });
  }
}

/** The files of `new` and `cur` that do not begin with a dot, by time and then by name. */
async function scan(maildir: ByteString): Promise<readonly MaildirFile[]> {
  const files: MaildirFile[] = [];
  for (const part of ["new", "cur"]) {
    for (const name of await readdir(diskPath(`${maildir}/${part}`), { encoding: "latin1" })) {
      if (name.startsWith(".")) continue;
      const path = `${maildir}/${part}/${name}`;
      const facts = await stat(diskPath(path)).catch(() => null); // Moved by a mail reader meanwhile: left to it.
      if (facts?.isFile()) files.push({ path, shown: `${part}/${name}`, mtime: facts.mtime });
    }
  }
  return files.sort((a, b) => a.mtime.getTime() - b.mtime.getTime() || (a.shown < b.shown ? -1 : 1));
}

async function writeAll(call: MaildirToMbox, files: readonly MaildirFile[], mbox: FileHandle): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  try {
    await using out = await open(diskPath(call.temporary), flags, 0o600);
    for await (const piece of pieces(mbox)) await out.writeFile(piece);
    for (const file of files) await appendFile(out, file);
    await out.sync();
  } catch (error) {
    await rm(diskPath(call.temporary), { force: true }).catch(() => {}); // The first error is the one to tell.
    throw error;
  }
}

async function appendFile(out: FileHandle, file: MaildirFile): Promise<void> {
  await using message = await open(diskPath(file.path), "r");
  const { buffer, bytesRead } = await message.read(Buffer.alloc(returnPathBytes), 0, returnPathBytes, 0);
  await out.writeFile(fromLine(senderIn(buffer.toString("latin1", 0, bytesRead)), file.mtime), "latin1");
  const quoter = quoteMboxrd();
  for await (const piece of pieces(message)) await out.writeFile(Buffer.concat(quoter.push(piece)));
  await out.writeFile(Buffer.concat([...quoter.end(), Buffer.from("\n")]));
}

/** The sender as the Return-Path line at the top gives it; `XXX` when there is none. */
function senderIn(beginning: ByteString): ReversePath {
  const match = /^Return-Path: <([^>\n]*)/.exec(beginning);
  return (match === null ? "XXX" : match[1]!) as Address | "";
}

async function* pieces(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(copyBytes), 0, copyBytes, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
