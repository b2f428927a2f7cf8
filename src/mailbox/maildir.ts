import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writevSync,
} from "node:fs";
import { open } from "node:fs/promises";
import type { ByteString } from "#bytes";
import { diskPath, errorCode, errorText } from "#files";
import { eventLine } from "#log";
import { done, type Outcome, temporary } from "#mail";
import type { BatchPlace, DurableBatch } from "./durable-batch.ts";
import { type MailItem, messagePieces, UnreadableMessage } from "./mail-item.ts";
import { clearEarlierAttempt, findDelivered } from "./maildir-again.ts";

/*
 * States of one delivery into a Maildir; every step may be the last before a crash.
 *
 *   state      tmp/NAME.*        new/NAME or cur/NAME   what a repeated delivery (`again`) does
 *   M1         none              none                   M2
 *   M2         growing           none                   removes tmp/NAME.*, begins anew
 *   M3         whole             none                   the same
 *   M4         whole, durable    none                   the same
 *   M5         none              there, whole; its      writes it anew and fsyncs that before the rename, which puts it in the
 *                                name not yet durable   place of the old one, in cur/ too; then waits for a sync
 *   M6         none              there, durable         the same: the queue has not heard of it, and it does not show
 *
 * M1 -> M2 create exclusively; M2 -> M3 write, close; M3 -> M4 the batch is synced; M4 -> M5 rename: readers see it, and whatever
 * happens they never see a part of it; M5 -> M6 the next batch is synced. Only then is success reported. A sync that fails leads back
 * to M1: what it did not write must not count as delivered. M5 is never made M6 by a second sync alone: a kernel may tell of a failed
 * write once and forget the bytes, and the next sync succeeds without them. Only a new file is known to be written.
 *
 * While mail keeps coming, the sync that makes the names of one batch durable is the one that makes the bytes of the next durable.
 */

/** One delivery into a Maildir. */
export type MaildirDelivery = MailItem & {
  /** Absolute path of the Maildir, with or without a slash at its end. */
  readonly directory: ByteString;
  /** The file's name in `new/`; the same on every attempt of this delivery. ASCII. */
  readonly name: string;
  /** An earlier attempt may have got through: look before writing. */
  readonly again: boolean;
  /** A sender waits for the outcome. */
  readonly awaited: boolean;
};

/**
 * What a worker's deliveries share. `complain` gets a log line with the cause behind the public sentence:
 * `maildir trouble path= reason=`.
 */
export type MaildirKeeper = { readonly batch: DurableBatch; readonly complain: (line: string) => void };

const noMaildir = temporary("Unable to chdir to maildir. (#4.2.1)\n");
const noMessage = temporary("Unable to read message. (#4.3.0)\n");
const trouble = temporary("Temporary error on maildir delivery. (#4.3.0)\n");
const tooSlow = temporary("Timeout on maildir delivery. (#4.3.0)\n");

/** A delivery that is not written after this long is given up, in milliseconds (qmail's alarm(86400)). */
const writeLimitMs = 86_400_000;
/** How many names are tried in tmp/ (qmail's number); a name can be taken by a crashed process that had our pid. */
const nameTries = 3;

const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** One per attempt of this process, so that an attempt the queue has given up cannot get into the way of the next. */
let attempts = 0;

class TooSlow extends Error {}

/**
 * M1 -> M6. Puts a message into a Maildir: in `new/` when its bytes are on disk, success when its name is, too. The Maildir
 * is never made. A message that is in memory is written by synchronous calls: they cost less than the thread pool's round
 * trips (10 KB on a 2-core machine: 48 us of CPU against 97 us; 10,000 messages/s with batches of 100).
 */
export async function deliverToMaildir(delivery: MaildirDelivery, keeper: MaildirKeeper): Promise<Outcome> {
  const directory = delivery.directory.replace(/\/+$/, "");
  try {
    const stat = statSync(diskPath(directory), { throwIfNoEntry: false });
    if (stat?.isDirectory() !== true) return noMaildir;
    const earlier = delivery.again ? await clearEarlierAttempt(directory, delivery.name, delivery) : null;
    if (earlier === null) return await deliver(directory, stat, delivery, keeper);
    if (earlier === "written") await writeAnew(directory, delivery);
    return await confirm(directory, stat, delivery.name, keeper);
  } catch (error) {
    keeper.complain(eventLine("maildir trouble", { path: delivery.directory, reason: errorText(error) }));
    return error instanceof UnreadableMessage ? noMessage : error instanceof TooSlow ? tooSlow : trouble;
  }
}

async function deliver(
  directory: ByteString,
  stat: Stats,
  delivery: MaildirDelivery,
  { batch }: MaildirKeeper,
): Promise<Outcome> {
  const target = diskPath(`${directory}/new/${delivery.name}`);
  const enter = (): BatchPlace | null => (batch.isToBeHad ? batch.enter(stat.dev, diskPath(directory)) : null);
  let place = enter();
  const temporaryPath = await write(directory, delivery, place === null).catch((error: unknown) => {
    place?.leave();
    throw error;
  });
  try {
    if (place !== null) {
      const forBytes = place;
      place = null;
      await forBytes.settle(delivery.awaited ? "soon" : "in company"); // M3 -> M4
      place = enter();
    }
    renameSync(temporaryPath, target);
  } catch (error) {
    rmSync(temporaryPath, { force: true }); // M3, M4 -> M1
    place?.leave();
    throw error;
  }
  try {
    await (place?.settle("now") ?? fsyncPath(diskPath(`${directory}/new`)));
  } catch (error) {
    rmSync(target, { force: true }); // M5 -> M1
    throw error;
  }
  return done();
}

/**
 * M5 -> M5, with a file that is known to be on the disk. Both are whole, so that a power cut leaves a whole one: an earlier attempt
 * may have reported success to a queue that did not live to note it.
 */
async function writeAnew(directory: ByteString, delivery: MaildirDelivery): Promise<void> {
  const temporaryPath = await write(directory, delivery, true);
  try {
    // Looked up as late as can be: a reader may have moved the file meanwhile.
    const found = await findDelivered(directory, delivery.name);
    renameSync(temporaryPath, found?.path ?? diskPath(`${directory}/new/${delivery.name}`));
  } catch (error) {
    rmSync(temporaryPath, { force: true });
    throw error;
  }
}

/**
 * M5 -> M6 for a file that was written anew, or that its reader has changed. The earlier attempt may still be waiting for its own sync
 * in this process, and takes the file away if it fails: so look again afterwards.
 */
async function confirm(directory: ByteString, stat: Stats, name: string, { batch }: MaildirKeeper): Promise<Outcome> {
  if (batch.isToBeHad) await batch.enter(stat.dev, diskPath(directory)).settle("soon");
  const found = await findDelivered(directory, name);
  if (found === null) throw new Error("it has gone again");
  if (!batch.isToBeHad) {
    await fsyncPath(found.path);
    await fsyncPath(diskPath(`${directory}/${found.isNew ? "new" : "cur"}`));
  }
  return done();
}

async function fsyncPath(path: string | Buffer): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** M1 -> M3. The path of the whole file in tmp/; nothing is left there if it throws. */
async function write(directory: ByteString, delivery: MaildirDelivery, withFsync: boolean): Promise<string | Buffer> {
  const { fd, path } = create(directory, delivery.name);
  try {
    try {
      const { head, message } = delivery;
      if (message.whole !== null) writeFully(fd, message.whole.length === 0 ? [head] : [head, message.whole]);
      else await writePieces(fd, delivery);
      if (withFsync) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}

function create(directory: ByteString, name: string): { readonly fd: number; readonly path: string | Buffer } {
  for (let tries = 1; ; tries++) {
    const path = diskPath(`${directory}/tmp/${name}.${process.pid}_${++attempts}`);
    try {
      return { fd: openSync(path, createNew, 0o600), path };
    } catch (error) {
      if (errorCode(error) !== "EEXIST" || tries === nameTries) throw error;
    }
  }
}

/** Writes all buffers; a short write (a full disk) is followed by one that says why. */
function writeFully(fd: number, buffers: readonly Buffer[]): void {
  let left = buffers;
  for (;;) {
    let written = writevSync(fd, left);
    const rest: Buffer[] = [];
    for (const buffer of left) {
      if (written < buffer.length) rest.push(buffer.subarray(written));
      written = Math.max(0, written - buffer.length);
    }
    if (rest.length === 0) return;
    left = rest;
  }
}

async function writePieces(fd: number, { head, message }: MailItem): Promise<void> {
  const begun = performance.now();
  writeFully(fd, [head]);
  for await (const piece of messagePieces(message)) {
    if (performance.now() - begun > writeLimitMs) throw new TooSlow("took longer than 24 hours");
    writeFully(fd, [piece]);
  }
}
