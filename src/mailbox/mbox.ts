import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { type ByteString, toBytes } from "#bytes";
import { diskPath, errorText } from "#files";
import { done, type Outcome, temporary } from "#mail";
import { type LockedMbox, lockMbox, mboxPatience } from "./locked-mbox.ts";
import { type MailItem, messagePieces, UnreadableMessage } from "./mail-item.ts";
import { quoteMboxrd } from "./mboxrd.ts";

/** One message for an mbox: its From_ line with LF, then what every mailbox gets. */
export type MboxEntry = MailItem & { readonly fromLine: ByteString };

const lf = Buffer.from("\n");
const stuck = temporary("File has been locked for 30 seconds straight. (#4.3.0)\n");
const noMessage = temporary("Unable to read message. (#4.3.0)\n");

/**
 * Appends a message to an mbox, which is made (mode 0600) if it is missing: From_ line, own lines, the message in mboxrd
 * quoting, an empty line. Locked, fsynced; cut back to its old length if that fails. `path` is absolute, `shown` is how the
 * user wrote it.
 */
export async function appendToMbox(
  path: ByteString,
  shown: ByteString,
  entry: MboxEntry,
  patience: { readonly lockWaitMs: number; readonly retryMs: number } = mboxPatience,
): Promise<Outcome> {
  let mbox: LockedMbox | null;
  try {
    mbox = await lockMbox(path, patience);
  } catch (error) {
    return temporary(`Unable to open ${shown}: ${errorText(error)}. (#4.2.1)\n`);
  }
  if (mbox === null) return stuck;
  try {
    return await append(mbox, path, entry);
  } catch (error) {
    return error instanceof UnreadableMessage
      ? noMessage
      : temporary(`Unable to write ${shown}: ${errorText(error)}. (#4.3.0)\n`);
  } finally {
    await mbox.release();
  }
}

async function append(mbox: LockedMbox, path: ByteString, entry: MboxEntry): Promise<Outcome> {
  const oldLength = (await mbox.handle.stat()).size;
  try {
    if (!(await endsCleanly(mbox, oldLength))) await mbox.handle.writeFile("\n\n");
    await mbox.handle.writeFile(Buffer.concat([toBytes(entry.fromLine), entry.head]));
    await writeBody(mbox, entry);
    await mbox.handle.sync();
    if (oldLength === 0) await fsyncFolder(dirname(path));
  } catch (error) {
    // Unlocked, someone else may have appended behind us. If even this fails, the first error is the one to tell.
    if (mbox.isLocked) await mbox.handle.truncate(oldLength).catch(() => {});
    throw error;
  }
  return done();
}

/** False if a writer died in the middle of a line: then the next From_ line would not stand at the beginning of one. */
async function endsCleanly(mbox: LockedMbox, length: number): Promise<boolean> {
  if (length === 0) return true;
  const { buffer, bytesRead } = await mbox.handle.read(Buffer.alloc(1), 0, 1, length - 1);
  return bytesRead === 0 || buffer[0] === lf[0];
}

async function writeBody(mbox: LockedMbox, entry: MboxEntry): Promise<void> {
  const quoter = quoteMboxrd();
  for await (const piece of messagePieces(entry.message))
    await mbox.handle.writeFile(Buffer.concat(quoter.push(piece)));
  await mbox.handle.writeFile(Buffer.concat([...quoter.end(), lf]));
}

/** The name of a new file is durable only when its folder is. */
async function fsyncFolder(path: ByteString): Promise<void> {
  const handle = await open(diskPath(path), "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
