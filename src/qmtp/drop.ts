import { constants } from "node:fs";
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, fsyncDirectory, syncFileSystem } from "#files";
import { type Envelope, type Origin, temporary } from "#mail";
import { type BegunEnvelope, dropFolder, parseBegin, parseMore, renderEnvelope } from "./door-protocol.ts";
import type { DoorAnswer, Posting } from "./posting.ts";

/*
 * A drop file is one message left by an injector while the queue service was down: for each envelope payload of the door
 * (BEGIN, MORE...) a line `<length> LF <bytes>`, an empty line, then the message. It is written as `.NAME`, fsynced, renamed
 * to `NAME`, and the folder is fsynced: a name without a dot is a whole message. The queue service takes it in when it
 * starts, and removes it after its commit; a crash between the two takes it in twice, which RFC 5321 permits.
 */

/** Largest drop file that is taken in whole; the queue service reads it in one piece. */
const maxDropBytes = 256 * 1024 * 1024;

/**
 * A posting into the drop folder of `home`, for injectors that found the door shut. `finish` resolves after the file and its
 * name are durable; the queue id is not known yet (null). Fails temporarily if the folder cannot be written.
 */
export function dropMessage(home: string, envelope: Envelope, origin: Origin): Posting {
  const folder = dropFolder(home);
  const name = `${Date.now()}.${process.pid}.${crypto.randomUUID()}`;
  const hidden = join(folder, `.${name}`);
  const path = join(folder, name);
  const failure: DoorAnswer = { ...temporary("qq trouble creating files in queue (#4.3.0)"), queueId: null };
  let broken = false;
  const opened = open(
    hidden,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  ).then(async (handle) => {
    // The queue's uid must read it; the folder cannot be listed by others and the name cannot be guessed.
    await handle.chmod(0o644);
    for (const payload of renderEnvelope(envelope, origin))
      await handle.writeFile(Buffer.concat([Buffer.from(`${payload.length}\n`), payload]));
    await handle.writeFile("\n");
    return handle;
  });
  opened.catch(() => {
    broken = true;
  });
  return {
    async write(bytes) {
      if (broken) return;
      try {
        await (await opened).writeFile(bytes);
      } catch {
        broken = true; // finish() reports it.
      }
    },
    async finish() {
      try {
        await using handle = await opened;
        await handle.sync();
        if (broken) throw new Error("incomplete");
        await rename(hidden, path);
        await syncName(folder, handle);
        return { fate: "done", text: "", queueId: null };
      } catch {
        // What is reported as failed must not be delivered all the same.
        for (const leftover of [hidden, path]) await rm(leftover, { force: true }).catch(() => {});
        return failure;
      }
    },
    abort() {
      opened
        .then((handle) => handle.close())
        .then(() => rm(hidden, { force: true }))
        .catch(() => {}); // A hidden leftover is removed by takeDrops after 36 hours.
    },
  };
}

/**
 * Makes a new name in the folder durable. The folder may be written but not read by other users (mode 1733), so they cannot
 * open it for fsync: the whole file system is synced then, or, without syncfs, the file once more, which on ext4, xfs and
 * btrfs takes its renaming along.
 */
async function syncName(folder: string, file: FileHandle): Promise<void> {
  try {
    await fsyncDirectory(folder);
  } catch (error) {
    if (errorCode(error) !== "EACCES") throw error;
    if (!(await syncFileSystem(file.fd))) await file.sync();
  }
}

/** Hidden leftovers of crashed injectors go after this many milliseconds (qmail's 36 hours; spec 4.3). */
const leftoverMs = 129_600_000;

/**
 * Takes in what lies in the drop folder. `accept` resolves true once the message is durable in the queue; only then is the
 * file removed. Files that make no sense are left alone and named to `complain`, which also hears of trouble with the disk.
 * The owner of a file is who injected it: `uid` in the origin is taken from there, never from the file's content.
 */
export async function takeDrops(
  home: string,
  accept: (envelope: BegunEnvelope, message: Buffer) => Promise<boolean>,
  complain: (line: string) => void,
): Promise<void> {
  const folder = dropFolder(home);
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names.sort()) {
    const path = join(folder, name);
    try {
      if (name.startsWith(".")) await removeLeftover(path);
      else await takeDrop(path, accept, complain);
    } catch (error) {
      complain(`warning: trouble with drop/${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

async function removeLeftover(path: string): Promise<void> {
  const facts = await stat(path);
  if (Date.now() - facts.mtimeMs > leftoverMs) await rm(path, { force: true });
}

async function takeDrop(
  path: string,
  accept: (envelope: BegunEnvelope, message: Buffer) => Promise<boolean>,
  complain: (line: string) => void,
): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  let content: Buffer;
  let uid: number;
  try {
    const facts = await handle.stat();
    if (!facts.isFile() || facts.size > maxDropBytes)
      return complain(`warning: drop/${path} is no message; left alone`);
    uid = facts.uid;
    content = await readFile(handle);
  } finally {
    await handle.close();
  }
  const dropped = parseDrop(content);
  if (dropped === null) return complain(`warning: ${path} is no message; left alone`);
  const origin: Origin = { invoker: dropped.envelope.origin.invoker === "network" ? "network" : "user", uid };
  if (await accept({ ...dropped.envelope, origin }, dropped.message)) await rm(path);
}

/** Splits a drop file; null if it is malformed. */
export function parseDrop(content: Buffer): { readonly envelope: BegunEnvelope; readonly message: Buffer } | null {
  let envelope: BegunEnvelope | null = null;
  for (let at = 0; ; ) {
    const end = content.indexOf(0x0a, at);
    if (end < 0) return null;
    if (end === at) return envelope === null ? null : { envelope, message: content.subarray(end + 1) };
    const digits = content.toString("latin1", at, end);
    if (!/^[0-9]{1,9}$/.test(digits)) return null;
    const payload = content.subarray(end + 1, end + 1 + Number(digits));
    if (payload.length !== Number(digits)) return null;
    if (envelope === null) {
      envelope = parseBegin(payload);
      if (envelope === null) return null;
    } else {
      const more = parseMore(payload);
      if (more === null) return null;
      for (const recipient of more) envelope.recipients.push(recipient);
    }
    at = end + 1 + payload.length;
  }
}
