import { close, closeSync, constants, openSync, read, readSync } from "node:fs";
import type { ByteString } from "#bytes";
import { diskPath, errorCode } from "#files";
import { findMoved, type ListedMessage } from "#mailbox";
import type { LineWire } from "#net";
import { endOfLines, ok } from "./say.ts";
import { TopOfMessage, WireForm } from "./wire-form.ts";

/** Messages up to this size are read in one go, in the turn of their command; larger ones in pieces, others served between. */
const wholeBytes = 128 * 1024;
const pieceBytes = 256 * 1024;

/** Where whole messages are read to. Never kept: its content is turned into a string before anything is awaited. */
const scratch = Buffer.allocUnsafeSlow(wholeBytes);

/** How much of a message is wanted, and how it ends. */
export type Sending = {
  /** Lines of the body for TOP; null: everything. */
  readonly bodyLines: number | null;
  /** qmail-pop3d's extra empty line at the end of every message. */
  readonly extraLine: boolean;
};

/** A FIFO in a Maildir must not hold us up. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Opens a message, also where another reader's change of flags has moved it; null if it is not to be had. */
async function openMessage(maildir: ByteString, message: ListedMessage): Promise<number | null> {
  try {
    return openSync(diskPath(`${maildir}/${message.file}`), flags);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") return null;
  }
  try {
    const moved = await findMoved(maildir, message.uniqueName);
    return moved === null ? null : openSync(diskPath(`${maildir}/${moved}`), flags);
  } catch {
    return null;
  }
}

/**
 * Sends a message as the answer to RETR or TOP; resolves when it is handed to the kernel, with the octets sent, or null if it
 * cannot be opened (nothing was sent then). Throws WireError; an error in the middle of a message is thrown too, for nothing
 * but closing the connection tells the client that it is not whole.
 */
export async function sendMessage(
  wire: LineWire,
  maildir: ByteString,
  message: ListedMessage,
  sending: Sending,
): Promise<number | null> {
  const fd = await openMessage(maildir, message);
  if (fd === null) return null;
  let length: number;
  try {
    length = readSync(fd, scratch, 0, scratch.length, 0);
  } catch {
    closeSync(fd);
    return null;
  }
  const form = new WireForm();
  const top = sending.bodyLines === null ? null : new TopOfMessage(sending.bodyLines);
  const tail = (): string => `${form.end()}${sending.extraLine ? "\r\n" : ""}${endOfLines}`;
  const first = scratch.toString("latin1", 0, length);
  const head = form.push(top === null ? first : top.take(first));
  if (length < scratch.length || top?.isDone) {
    closeSync(fd);
    const text = `${ok}${head}${tail()}`;
    wire.write(text);
    await wire.flush();
    return text.length;
  }
  try {
    return await sendRest(wire, fd, `${ok}${head}`, { form, top, tail, at: length });
  } finally {
    close(fd);
  }
}

type Rest = {
  readonly form: WireForm;
  readonly top: TopOfMessage | null;
  readonly tail: () => string;
  readonly at: number;
};

/** The rest of a large message, piece by piece as fast as the client takes it. */
async function sendRest(wire: LineWire, fd: number, begun: string, rest: Rest): Promise<number> {
  const { form, top, tail } = rest;
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  let sent = 0;
  const send = async (text: string): Promise<void> => {
    sent += text.length;
    wire.write(text);
    await wire.flush();
  };
  await send(begun);
  for (let at = rest.at; ; ) {
    const length = await readAt(fd, buffer, at);
    if (length === 0) break;
    at += length;
    const piece = buffer.toString("latin1", 0, length);
    await send(form.push(top === null ? piece : top.take(piece)));
    if (top?.isDone) break;
  }
  await send(tail());
  return sent;
}

function readAt(fd: number, buffer: Buffer, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, at, (error, length) => (error === null ? resolve(length) : reject(error)));
  });
}
