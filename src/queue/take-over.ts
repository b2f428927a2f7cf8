/*
 * Messages of another queue come into this one with their history: age, due times, recipients that are done or have failed.
 * Only while no queue service runs (the caller holds queue/lock/sendmutex). A message's mark goes in by the same COMMIT as its
 * rows, so a message is taken over once, wherever a crash falls:
 *
 *   S1 -> S3  large bodies: the file, synced (store.ts has the table of states)
 *   S3 -> S4  COMMIT: rows of many messages, their marks, and the next free number
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import type { Address, ReversePath } from "#mail";
import { openDatabase } from "#sql";
import { type BodyFile, createBodyFile, prepareBodies, type StoredBody } from "./bodies.ts";
import { type Channel, channelNumbers, recipientStates } from "./records.ts";
import { migrations } from "./schema.ts";

/** A recipient as the other queue left it. */
export type TakenRecipient = {
  readonly address: Address;
  readonly channel: Channel;
  readonly destination: ByteString;
  readonly state: "pending" | "done" | "failed";
  readonly dueAtMs: number;
  /** Why it failed, for the bounce; else "". */
  readonly report: ByteString;
};

/** A message of another queue. */
export type TakenMessage = {
  /** What names it for good, in whatever queue it lay. */
  readonly mark: string;
  readonly id: number;
  readonly bornAtMs: number;
  readonly sender: ReversePath;
  readonly body: StoredBody;
  readonly recipients: readonly TakenRecipient[];
};

/** A queue that takes messages over. */
export type TakeOver = Disposable & {
  /** The number a message with this mark got here; null if it was never taken over. */
  taken(mark: string): number | null;
  nextId(): number;
  /** S1 -> S2, for a body over `largeBodyBytes`. */
  createBody(id: number): BodyFile;
  /** S3 -> S4 for all of them, in one COMMIT. Throws what the disk says, and nothing has changed then. */
  add(messages: readonly TakenMessage[]): void;
};

/** Makes `home/queue` if it is missing; made by root it becomes that of the home's owner. */
export function prepareQueueFolder(home: string): void {
  const folder = join(home, "queue");
  if (existsSync(folder)) return;
  mkdirSync(folder);
  chmodSync(folder, 0o711); // Others pass through to the door in it.
  const { uid, gid } = statSync(home);
  if (process.getuid?.() === 0) chownSync(folder, uid, gid);
}

/**
 * Opens the queue of `home` for messages of another, in a folder that is there. What root makes becomes that of the owner of
 * `home/queue`. The caller closes it.
 */
export async function openTakeOver(home: string): Promise<TakeOver> {
  const folder = join(home, "queue");
  await prepareBodies(home);
  const database = openDatabase(join(folder, "queue.db"), migrations);
  database.exec(
    "CREATE TABLE IF NOT EXISTS taken_over (mark TEXT PRIMARY KEY, message INTEGER NOT NULL) WITHOUT ROWID",
  );
  const find = database.prepare("SELECT message FROM taken_over WHERE mark = ?");
  const addMark = database.prepare("INSERT INTO taken_over (mark, message) VALUES (?, ?)");
  const addMessage = database.prepare("INSERT INTO message (id, born, aged, sender, size) VALUES (?, ?, ?, ?, ?)");
  const addBody = database.prepare("INSERT INTO body (message, bytes) VALUES (?, ?)");
  const addRecipient = database.prepare(
    `INSERT INTO recipient (message, idx, address, channel, destination, state, due, tried, attempts, report)
      VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)`,
  );
  const setNextId = database.prepare("UPDATE meta SET value = ? WHERE name = 'next_id'");
  let nextId = Number(database.prepare("SELECT value FROM meta WHERE name = 'next_id'").get()?.value);

  const insert = ({ mark, id, bornAtMs, sender, body, recipients }: TakenMessage): void => {
    addMark.run(mark, id);
    const sizeBytes = body.kind === "bytes" ? body.bytes.length : body.sizeBytes;
    addMessage.run(id, bornAtMs, bornAtMs, sender, sizeBytes);
    if (body.kind === "bytes") addBody.run(id, body.bytes);
    for (const [index, to] of recipients.entries()) {
      const { address, channel, destination, state, dueAtMs, report } = to;
      const number = recipientStates[state];
      addRecipient.run(id, index, address, channelNumbers[channel], destination, number, dueAtMs, report);
    }
  };

  return {
    taken(mark) {
      const row = find.get(mark);
      return row === undefined ? null : Number(row.message);
    },
    nextId: () => nextId++,
    createBody: (id) => createBodyFile(home, id),
    add(messages) {
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const message of messages) insert(message);
        setNextId.run(nextId);
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    [Symbol.dispose]() {
      database.close();
      if (process.getuid?.() === 0) giveToOwner(folder);
    },
  };
}

/** What root made in the queue's folder becomes its owner's: the services are not root. */
function giveToOwner(folder: string): void {
  const { uid, gid } = statSync(folder);
  const give = (path: string): void => {
    if (statSync(path, { throwIfNoEntry: false })?.uid === 0) chownSync(path, uid, gid);
  };
  for (const name of ["queue.db", "queue.db-wal", "queue.db-shm", "lock", "lock/sendmutex", "mess"]) {
    give(join(folder, name));
  }
  for (const part of readdirSync(join(folder, "mess"))) {
    give(join(folder, "mess", part));
    for (const name of readdirSync(join(folder, "mess", part))) give(join(folder, "mess", part, name));
  }
}
