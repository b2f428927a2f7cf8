/*
 * The states of a message, as in qmail's INTERNALS. Rows are in queue/queue.db; "file" is queue/mess/S/ID, which only bodies
 * over 128 KiB have. A COMMIT moves all rows at once, so a crash leaves a message in exactly one of these states:
 *
 *   state             file (large)   message row   recipient rows           body row (small)
 *   S1 nothing        -              -             -                        -
 *   S2 body coming    + growing      -             -                        -
 *   S3 body durable   + fsynced      -             -                        -
 *   S4 queued         +              +             some pending or held     +
 *   S5 finished       +              -             -                        -
 *
 *   S1 -> S2  createBodyFile                 S2 -> S3  BodyFile.seal: fsync file, fsync directory
 *   S3 -> S4  flush: COMMIT with the rows; only now may anyone hear "K" (small bodies go S1 -> S4 in one COMMIT)
 *   S4 -> S4  flush: COMMIT with marks: done, failed, tried again later; the mark `noticed` and the delay notice are in one COMMIT
 *   S4 -> S5  flush: COMMIT that removes the rows; if a bounce is owed, the same COMMIT queues it
 *   S5 -> S1  the file is removed after that COMMIT;  S3 -> S1  the same when the COMMIT with the rows was refused
 *
 * A message may come and go without any of this: see src/send/hand-over.ts. It has a number (reserved here), and S1 is all it ever is.
 *
 * After a crash: S2, S3 and S5 are files without a row, removed when the store opens; S4 goes on. A delivery that had ended but
 * whose mark was not committed is tried again, and finds its Maildir file by name (`again` in the job).
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import type { Address, ReversePath } from "#mail";
import { type Database, openDatabase, type Statement } from "#sql";
import { bodyFile, largeBodyBytes, readBodyFile, removeBodyFile, type StoredBody } from "./bodies.ts";
import { type Channel, channelNumbers, type DueRecipient, type MessageRecord, recipientStates } from "./records.ts";
import { noReserve, type Reserve } from "./reserve.ts";
import { migrations } from "./schema.ts";

/** One recipient of a message that is being queued, already routed. */
export type NewRecipient = { readonly address: Address; readonly channel: Channel; readonly destination: ByteString };

/** A message to queue. Its id comes from `nextId`; a large body's file must be sealed. */
export type NewMessage = {
  readonly id: number;
  readonly bornAtMs: number;
  readonly sender: ReversePath;
  readonly body: StoredBody;
  readonly recipients: readonly NewRecipient[];
};

/** What became of one recipient. `later` keeps it pending until `dueAtMs`. */
export type Mark =
  | { readonly kind: "done"; readonly report: ByteString }
  | { readonly kind: "failed"; readonly report: ByteString }
  | { readonly kind: "later"; readonly report: ByteString; readonly dueAtMs: number; readonly triedAtMs: number };

/** A recipient that failed, for the bounce, or is deferred, for the delay notice; with its last report. */
export type Failure = { readonly address: Address; readonly report: ByteString };

/**
 * Called when the COMMIT that holds a change is done (null) or was refused (why; nothing has changed then). It is called from
 * within `flush`, before anyone can read the store again: what it puts in memory and what is on disk never disagree.
 */
export type Settled = (error: Error | null) => void;

/**
 * The same for a delay notice: it is `queued`; or nothing is, as there is nothing left to say (`moot`: its message has ended or
 * was told of already); or the disk refused.
 */
export type NoticeSettled = (result: "queued" | "moot" | Error) => void;

/** The queue on disk. Changes made together share one COMMIT. */
export type QueueStore = {
  /** A number never given before in this queue. */
  nextId(): number;
  /** True if `id` will not be given again, whatever happens: it may name something outside of the store. */
  isReserved(id: number): boolean;
  /** True for messages that were queued before this store was opened. */
  isOld(id: number): boolean;
  /** S3 -> S4. */
  add(message: NewMessage, settled: Settled): void;
  /** S4 -> S4. May be lost in a crash (the delivery is then repeated), so nobody waits for it. */
  mark(id: number, index: number, mark: Mark): void;
  /** S4 -> S5 -> S1. A removal that is lost in a crash repeats a delivery, so nobody waits for it. */
  finish(message: { readonly id: number; readonly sizeBytes: number }): void;
  /** S4 -> S5 -> S1, and S3 -> S4 for the bounce, in one commit. */
  finishWithBounce(
    message: { readonly id: number; readonly sizeBytes: number },
    bounce: NewMessage,
    settled: Settled,
  ): void;
  /**
   * S4 -> S4 for message `id`, which is marked as told of for good, and S3 -> S4 for the notice, in one commit. Null: its sender is
   * not to be told, so only the mark is made.
   */
  addNotice(id: number, notice: NewMessage | null, settled: NoticeSettled): void;
  /** Commits what waits, now; false if the disk refuses (marks wait on then). Queries below see only what was committed. */
  flush(): boolean;
  /** Recipients of a channel due at `nowMs` or before, after the cursor, oldest first. */
  due(channel: Channel, nowMs: number, after: DueCursor, limit: number): readonly DueRecipient[];
  /** The same for one remote destination. */
  dueFor(destination: ByteString, nowMs: number, limit: number): readonly DueRecipient[];
  /** When the next pending recipient is due that is not due yet; null if there is none. Unix milliseconds. */
  nextDue(channel: Channel, afterMs: number): number | null;
  /** How many recipients are pending or held; the message is finished when there are none. */
  unfinished(id: number): number;
  failures(id: number): readonly Failure[];
  /** Recipients that were tried and are to be tried again. */
  deferred(id: number): readonly Failure[];
  /** True if `addNotice` was done for this message, or it is not there. */
  isNoticed(id: number): boolean;
  /** Messages of which nothing is pending or held: they ended just before a crash and only need finishing. */
  finished(): readonly MessageRecord[];
  message(id: number): MessageRecord | null;
  /** Bytes of a stored message. Throws if it is not there. */
  read(message: MessageRecord, offset: number, length: number): Buffer;
  /** What admins do, each at once durable. They return how many recipients (or messages) were touched. */
  hold(id: number): number;
  release(id: number, nowMs: number): number;
  retry(id: number, nowMs: number): number;
  expire(id: number, nowMs: number): number;
  renew(id: number, nowMs: number): number;
  remove(id: number): number;
  /**
   * Makes at most `limit` recipients that wait for later due at `sinceMs`; returns how many. Not those that were tried since then, but
   * those that were tried after `nowMs`, for then the clock has been put back.
   */
  hurry(sinceMs: number, nowMs: number, limit: number): number;
  counts(): { readonly messages: number; readonly local: number; readonly remote: number; readonly held: number };
  /** Writes what is pending and closes. */
  close(): void;
};

/** Where a scan of the due index stands: rows after this one come next. */
export type DueCursor = { readonly dueAtMs: number; readonly id: number; readonly index: number };

/** A change nobody waits for. It stays in line until a COMMIT has taken it; then `committed` is called. */
type Lazy = { readonly run: () => void; readonly committed?: () => void };
type Change = { readonly run: () => void; readonly settled: Settled };

/**
 * Ids are reserved in the database this many at a time, so that none is given twice even after kill -9; and the next ones when half of
 * them are used, so that there are always some.
 */
const idBlock = 4000;

/** So many changes do not wait for others to come. */
const enoughForCommit = 64;

/** Marks nobody waits for are written this many milliseconds later at the latest, or with the next commit. */
const lazyMs = 20;

/** How long a disk error keeps marks waiting before they are tried again (qmail's 10 s pauses; spec 8.2). */
const retryMs = 1_000;

/** What SQLite says on a full disk (SQLITE_FULL). */
const diskFull = 13;

/** Free pages inside the database from which new messages may be taken although the disk has no room for the reserve. */
const enoughInsidePages = 4096;

const noRoom = new Error("there is no room on the disk");

/**
 * Opens the queue of `home`, making it if needed, and removes bodies without a message. `complain` hears of trouble with the disk.
 * When that is full, `reserve` is given up so that messages can still end; until it is taken again nothing new is added.
 */
export function openStore(home: string, complain: (line: string) => void, reserve: Reserve = noReserve): QueueStore {
  mkdirSync(join(home, "queue", "mess"), { recursive: true, mode: 0o700 });
  const path = join(home, "queue", "queue.db");
  refuseForeignQueue(home, path);
  const database = openDatabase(path, migrations);
  const q = prepare(database);
  let nextId = Number(q.getNextId.get()?.value);
  const firstNewId = nextId;
  let reservedTo = nextId;
  removeOrphans(home, q);

  let changes: Change[] = [];
  let lazy: Lazy[] = [];
  let immediate: NodeJS.Immediate | null = null;
  let timer: NodeJS.Timeout | null = null;

  /** One COMMIT for everything that waits. Nothing in it is half done: an error rolls all of it back. */
  const flush = (): boolean => {
    if (immediate !== null) clearImmediate(immediate);
    if (timer !== null) clearTimeout(timer);
    immediate = null;
    timer = null;
    const reservesIds = nextId + idBlock / 2 > reservedTo;
    if (changes.length === 0 && lazy.length === 0 && !reservesIds) return true;
    const batch = changes;
    const marks = lazy;
    changes = [];
    lazy = [];
    try {
      transact(database, () => {
        for (const mark of marks) mark.run();
        for (const change of batch) change.run();
        if (reservesIds) q.setNextId.run(nextId + idBlock);
      });
      // Only now is the block ours: had the COMMIT failed, its numbers would be given again after a crash.
      if (reservesIds) reservedTo = nextId + idBlock;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      complain(`warning: trouble writing to queue/queue.db: ${error.message}`);
      lazy = [...marks, ...lazy];
      timer ??= setTimeout(flush, isFull(error) && giveUpReserve() ? 0 : retryMs);
      for (const change of batch) change.settled(error);
      return false;
    }
    if (!reserve.isHeld) shrinkLog();
    for (const mark of marks) mark.committed?.();
    for (const change of batch) change.settled(null);
    return true;
  };
  /** The log would keep the room that its frames took; what is in the database already need not be there. */
  const shrinkLog = (): void => {
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // Not yet: the database itself must grow for that.
    }
  };
  const giveUpReserve = (): boolean => {
    if (!reserve.release()) return false;
    complain("warning: the disk is full: nothing new is taken in until there is room again");
    return true;
  };
  let hadRoom = true;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Whether new messages may come in. On a full disk it is looked once a second whether there is room again. */
  const hasRoom = (): boolean => {
    if (reserve.isHeld) return true;
    const nowMs = performance.now();
    if (nowMs - lookedAtMs < retryMs) return hadRoom;
    lookedAtMs = nowMs;
    shrinkLog();
    hadRoom = reserve.take() || Number(q.freePages.get()?.freelist_count) >= enoughInsidePages;
    if (reserve.isHeld) complain("warning: there is room on the disk again");
    return hadRoom;
  };
  /** A COMMIT costs much and another look at the sockets little: whoever has already knocked comes along. */
  let cameBefore = 0;
  const flushWhenQuiet = (): void => {
    const came = changes.length;
    if (came === cameBefore || came >= enoughForCommit) {
      cameBefore = 0;
      flush();
      return;
    }
    cameBefore = came;
    immediate = setImmediate(flushWhenQuiet);
  };
  const soon = (run: () => void, settled: Settled): void => {
    changes.push({ run, settled });
    immediate ??= setImmediate(flushWhenQuiet);
  };
  const insert = (message: NewMessage): void => {
    q.addMessage.run(message.id, message.bornAtMs, message.bornAtMs, message.sender, sizeOf(message.body));
    if (message.body.kind === "bytes") q.addBody.run(message.id, message.body.bytes);
    for (const [index, to] of message.recipients.entries()) {
      q.addRecipient.run(message.id, index, to.address, channelNumbers[to.channel], to.destination, message.bornAtMs);
    }
  };
  const erase = (id: number): void => {
    q.removeRecipients.run(id);
    q.removeBody.run(id);
    q.removeMessage.run(id);
  };
  /** S5 -> S1. A disk that will not even remove is no reason to end; what is left goes when the store opens. */
  const dropFile = (id: number): void => {
    try {
      removeBodyFile(home, id);
    } catch (error) {
      complain(`warning: trouble removing mess/${id}: ${error instanceof Error ? error.message : error}`);
    }
  };
  /** S3 -> S1 for a message that was not queued after all: a full disk must not stay full of what it refused. */
  const dropBody = ({ id, body }: NewMessage): void => {
    if (body.kind === "file") dropFile(id);
  };
  const whenever = (mark: Lazy): void => {
    lazy.push(mark);
    if (immediate === null) timer ??= setTimeout(flush, lazyMs);
  };
  /** An admin's change: its own commit, after whatever waits. */
  const now = (run: () => number): number => {
    flush();
    return transact(database, run);
  };

  return {
    nextId() {
      const id = nextId++;
      if (nextId + idBlock / 2 > reservedTo && immediate === null) timer ??= setTimeout(flush, lazyMs);
      return id;
    },
    isReserved: (id) => id < reservedTo,
    isOld: (id) => id < firstNewId,
    add(message, settled) {
      const told: Settled = (error) => {
        if (error !== null) dropBody(message);
        settled(error);
      };
      if (hasRoom()) soon(() => insert(message), told);
      else setImmediate(told, noRoom);
    },
    mark(id, index, mark) {
      whenever({
        run() {
          if (mark.kind === "later") q.markLater.run(mark.dueAtMs, mark.triedAtMs, mark.report, id, index);
          else q.markFinal.run(recipientStates[mark.kind], mark.report, id, index);
        },
      });
    },
    finish(message) {
      const { id, sizeBytes } = message;
      // The file goes only after the rows are gone for good. A refused COMMIT leaves both, and the mark with those that wait.
      whenever({ run: () => erase(id), ...(sizeBytes > largeBodyBytes ? { committed: () => dropFile(id) } : {}) });
    },
    finishWithBounce(message, bounce, settled) {
      soon(
        () => {
          erase(message.id);
          insert(bounce);
        },
        (error) => {
          if (error !== null) dropBody(bounce);
          else if (message.sizeBytes > largeBodyBytes) dropFile(message.id);
          settled(error);
        },
      );
    },
    addNotice(id, notice, settled) {
      let result: "queued" | "moot" = "moot";
      const run = (): void => {
        if (changed(q.setNoticed.run(id)) === 0 || notice === null) return;
        insert(notice);
        result = "queued";
      };
      const told: Settled = (error) => {
        if (notice !== null && (error !== null || result === "moot")) dropBody(notice);
        settled(error ?? result);
      };
      if (notice === null || hasRoom()) soon(run, told);
      else setImmediate(told, noRoom);
    },
    flush,
    due: (channel, nowMs, after, limit) =>
      q.due.all(channelNumbers[channel], nowMs, after.dueAtMs, after.id, after.index, limit).map(dueFromRow),
    dueFor: (destination, nowMs, limit) => q.dueFor.all(destination, nowMs, limit).map(dueFromRow),
    nextDue(channel, afterMs) {
      const due = q.nextDue.get(channelNumbers[channel], afterMs)?.due;
      return due === undefined || due === null ? null : Number(due);
    },
    unfinished: (id) => Number(q.unfinished.get(id)?.n),
    failures: (id) => q.failures.all(id).map(failureFromRow),
    deferred: (id) => q.deferred.all(id).map(failureFromRow),
    isNoticed: (id) => Number(q.getNoticed.get(id)?.noticed ?? 1) === 1,
    finished: () => q.finished.all().map(messageFromRow),
    message(id) {
      const row = q.getMessage.get(id);
      return row === undefined ? null : messageFromRow(row);
    },
    read(message, offset, length) {
      const row = q.getBody.get(offset + 1, length, message.id);
      if (row === undefined) return readBodyFile(home, message.id, offset, length);
      const bytes = row.bytes as Uint8Array;
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    hold: (id) => now(() => changed(q.setState.run(recipientStates.held, id, recipientStates.pending))),
    release: (id, nowMs) => now(() => changed(q.release.run(nowMs, id))),
    retry: (id, nowMs) => now(() => changed(q.retry.run(nowMs, id))),
    expire: (id, nowMs) => now(() => changed(q.setAge.run(0, id)) && changed(q.retry.run(nowMs, id))),
    renew: (id, nowMs) => now(() => changed(q.setAge.run(nowMs, id))),
    remove(id) {
      const touched = now(() => {
        const there = q.getMessage.get(id) === undefined ? 0 : 1;
        erase(id);
        return there;
      });
      removeBodyFile(home, id);
      return touched;
    },
    hurry: (sinceMs, nowMs, limit) => now(() => changed(q.hurry.run(sinceMs, sinceMs, sinceMs, nowMs, limit))),
    counts() {
      const row = q.counts.get() ?? {};
      return {
        messages: Number(q.countMessages.get()?.n),
        local: Number(row.local ?? 0),
        remote: Number(row.remote ?? 0),
        held: Number(row.held ?? 0),
      };
    },
    close() {
      flush();
      q.setNextId.run(nextId);
      database.close();
    },
  };
}

function transact<T>(database: Database, run: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = run();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

const isFull = (error: Error): boolean => "errcode" in error && error.errcode === diskFull;
const sizeOf = (body: StoredBody): number => (body.kind === "bytes" ? body.bytes.length : body.sizeBytes);
const changed = (result: { readonly changes: number | bigint }): number => Number(result.changes);

type Row = Record<string, unknown>;

function messageFromRow(row: Row): MessageRecord {
  return {
    id: Number(row.id),
    bornAtMs: Number(row.born),
    agedFromMs: Number(row.aged),
    sender: String(row.sender) as ReversePath,
    sizeBytes: Number(row.size),
  };
}

const failureFromRow = (row: Row): Failure => ({
  address: String(row.address) as Address,
  report: String(row.report),
});

function dueFromRow(row: Row): DueRecipient {
  return {
    message: messageFromRow(row),
    index: Number(row.idx),
    address: String(row.address) as Address,
    channel: row.channel === channelNumbers.local ? "local" : "remote",
    destination: String(row.destination),
    dueAtMs: Number(row.due),
    attempts: Number(row.attempts),
  };
}

/** Bodies without a database are another system's queue (qmail's has the same folder): to us they would all be orphans. */
function refuseForeignQueue(home: string, path: string): void {
  if (existsSync(path)) return;
  const mess = join(home, "queue", "mess");
  const taken = readdirSync(mess).find((part) => readdirSync(join(mess, part)).length > 0);
  if (taken === undefined) return;
  throw new Error(
    `queue/mess/${taken} holds messages but there is no queue/queue.db: if this is qmail's queue, \`quail import queue ${join(home, "queue")}\` takes it in; nothing was touched`,
  );
}

/** S2, S3, S5 -> S1 at start: body files without a message row that says so. */
function removeOrphans(home: string, q: ReturnType<typeof prepare>): void {
  const mess = join(home, "queue", "mess");
  for (const part of readdirSync(mess)) {
    for (const name of readdirSync(join(mess, part))) {
      const id = Number(name);
      // A small message has no file: one of its number is another's, whose removal a power cut undid.
      const isOrphan = !(Number(q.getMessage.get(id)?.size ?? 0) > largeBodyBytes);
      if (Number.isInteger(id) && isOrphan) rmSync(bodyFile(home, id), { force: true });
    }
  }
}

function prepare(
  database: Database,
): Record<
  | "getNextId"
  | "setNextId"
  | "addMessage"
  | "addBody"
  | "addRecipient"
  | "removeMessage"
  | "removeBody"
  | "removeRecipients"
  | "markFinal"
  | "markLater"
  | "due"
  | "dueFor"
  | "nextDue"
  | "unfinished"
  | "failures"
  | "deferred"
  | "getNoticed"
  | "setNoticed"
  | "finished"
  | "getMessage"
  | "getBody"
  | "setState"
  | "release"
  | "retry"
  | "setAge"
  | "hurry"
  | "counts"
  | "countMessages"
  | "freePages",
  Statement
> {
  const p = (sql: string): Statement => database.prepare(sql);
  const joined = `m.id, m.born, m.aged, m.sender, m.size, r.idx, r.address, r.channel, r.destination, r.due, r.attempts
    FROM recipient r JOIN message m ON m.id = r.message`;
  return {
    getNextId: p("SELECT value FROM meta WHERE name = 'next_id'"),
    setNextId: p("UPDATE meta SET value = ? WHERE name = 'next_id'"),
    addMessage: p("INSERT INTO message (id, born, aged, sender, size) VALUES (?, ?, ?, ?, ?)"),
    addBody: p("INSERT INTO body (message, bytes) VALUES (?, ?)"),
    addRecipient:
      p(`INSERT INTO recipient (message, idx, address, channel, destination, state, due, tried, attempts, report)
      VALUES (?, ?, ?, ?, ?, 0, ?, 0, 0, '')`),
    removeMessage: p("DELETE FROM message WHERE id = ?"),
    removeBody: p("DELETE FROM body WHERE message = ?"),
    removeRecipients: p("DELETE FROM recipient WHERE message = ?"),
    markFinal: p("UPDATE recipient SET state = ?, attempts = attempts + 1, report = ? WHERE message = ? AND idx = ?"),
    markLater: p(`UPDATE recipient SET due = ?, tried = ?, attempts = attempts + 1, report = ?
      WHERE message = ? AND idx = ? AND state IN (0, 3)`),
    due: p(`SELECT ${joined} WHERE r.state = 0 AND r.channel = ? AND r.due <= ?
      AND (r.due, r.message, r.idx) > (?, ?, ?)
      ORDER BY r.due, r.message, r.idx LIMIT ?`),
    dueFor: p(`SELECT ${joined} WHERE r.state = 0 AND r.destination <> '' AND r.destination = ? AND r.due <= ?
      ORDER BY r.due LIMIT ?`),
    nextDue: p("SELECT min(due) AS due FROM recipient WHERE state = 0 AND channel = ? AND due > ?"),
    unfinished: p("SELECT count(*) AS n FROM recipient WHERE message = ? AND state IN (0, 3)"),
    failures: p("SELECT address, report FROM recipient WHERE message = ? AND state = 2 ORDER BY idx"),
    deferred: p(`SELECT address, report FROM recipient
      WHERE message = ? AND state IN (0, 3) AND attempts > 0 ORDER BY idx`),
    getNoticed: p("SELECT noticed FROM message WHERE id = ?"),
    setNoticed: p(`UPDATE message SET noticed = 1 WHERE id = ? AND noticed = 0
      AND EXISTS (SELECT 1 FROM recipient r WHERE r.message = message.id AND r.state IN (0, 3))`),
    finished: p(`SELECT id, born, aged, sender, size FROM message m
      WHERE NOT EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id AND r.state IN (0, 3))`),
    getMessage: p("SELECT id, born, aged, sender, size FROM message WHERE id = ?"),
    getBody: p("SELECT substr(bytes, ?, ?) AS bytes FROM body WHERE message = ?"),
    setState: p("UPDATE recipient SET state = ? WHERE message = ? AND state = ?"),
    release: p("UPDATE recipient SET state = 0, due = ? WHERE message = ? AND state = 3"),
    retry: p("UPDATE recipient SET due = ? WHERE message = ? AND state = 0"),
    setAge: p("UPDATE message SET aged = ? WHERE id = ?"),
    hurry: p(`UPDATE recipient SET due = ? WHERE (message, idx) IN
      (SELECT message, idx FROM recipient WHERE state = 0 AND channel IN (0, 1) AND due > ?
        AND (tried < ? OR tried > ?) LIMIT ?)`),
    counts: p(`SELECT sum(state = 0 AND channel = 0) AS local, sum(state = 0 AND channel = 1) AS remote,
      sum(state = 3) AS held FROM recipient`),
    countMessages: p("SELECT count(*) AS n FROM message"),
    freePages: p("PRAGMA freelist_count"),
  };
}
