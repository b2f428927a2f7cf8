/*
 * Looks for what cannot be (the states of store.ts allow it not): bodies nobody owns, messages whose body is lost, numbers that
 * would be given twice. Repairs lose nothing: what is taken out of the queue is laid in `queue/lost/`, the envelope as JSON.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Database, openDatabase } from "#sql";
import { bodyFile, largeBodyBytes } from "./bodies.ts";
import { migrations } from "./schema.ts";

/** Something that is wrong in a queue, as a sentence; `repair` says what would be done about it, null if nothing is. */
export type QueueFault = {
  readonly kind:
    | "database"
    | "orphan-file"
    | "lost-body"
    | "wrong-size"
    | "stray-rows"
    | "stray-file"
    | "next-number"
    | "mode";
  /** The message it is about; null if it is about none. */
  readonly id: number | null;
  readonly text: string;
  readonly repair: string | null;
};

/** A fault with the work that repairs it. */
type Found = QueueFault & { readonly mend?: () => void };

/** Files of bodies younger than this may be about to get their rows, while the service runs. Milliseconds. */
const youngMs = 3_600_000;

export type QueueCheck = {
  /** The service runs: what is young may be on its way. */
  readonly isRunning: boolean;
  /** Repair what can be repaired; only while the service does not run (the caller holds its lock). */
  readonly fix: boolean;
};

/** Checks the queue of `home`, and repairs it if asked to; an empty list: all is well. A queue that was never used is well. */
export function checkQueue(home: string, { isRunning, fix }: QueueCheck): readonly QueueFault[] {
  const path = join(home, "queue", "queue.db");
  if (!existsSync(path)) return [];
  const database = openDatabase(path, migrations, fix ? "write" : "read");
  try {
    const found = [...databaseFaults(database), ...rowFaults(home, database), ...fileFaults(home, database, isRunning)];
    if (fix) {
      if (found.some(({ mend }) => mend !== undefined)) mkdirSync(lostFolder(home), { recursive: true, mode: 0o700 });
      for (const { mend } of found) mend?.();
    }
    return found.map(({ kind, id, text, repair }) => ({ kind, id, text, repair }));
  } finally {
    database.close();
  }
}

const lostFolder = (home: string): string => join(home, "queue", "lost");

function* databaseFaults(database: Database): Generator<Found> {
  for (const row of database.prepare("PRAGMA integrity_check(10)").all()) {
    const said = String(row.integrity_check);
    if (said === "ok") continue;
    yield { kind: "database", id: null, text: `queue.db is damaged: ${said}`, repair: null };
  }
  const next = Number(database.prepare("SELECT value FROM meta WHERE name = 'next_id'").get()?.value ?? 0);
  const last = Number(database.prepare("SELECT max(id) AS id FROM message").get()?.id ?? 0);
  if (next <= last) {
    yield {
      kind: "next-number",
      id: null,
      text: `the next message would get number ${next}, but there is a message ${last}`,
      repair: `count on from ${last + 1}`,
      mend: () => database.prepare("UPDATE meta SET value = ? WHERE name = 'next_id'").run(last + 1),
    };
  }
  for (const table of ["body", "recipient"] as const) {
    const orphaned = `FROM ${table} WHERE message NOT IN (SELECT id FROM message)`;
    const count = Number(database.prepare(`SELECT count(DISTINCT message) AS n ${orphaned}`).get()?.n);
    if (count === 0) continue;
    yield {
      kind: "stray-rows",
      id: null,
      text: `${count} ${count === 1 ? "message has" : "messages have"} rows in ${table} but none in message`,
      repair: "remove those rows",
      mend: () => database.exec(`DELETE ${orphaned}`),
    };
  }
}

/** Messages whose body is not there, or not as long as it was. */
function* rowFaults(home: string, database: Database): Generator<Found> {
  const rows = database.prepare(
    "SELECT m.id, m.size, length(b.bytes) AS have FROM message m LEFT JOIN body b ON b.message = m.id ORDER BY m.id",
  );
  for (const row of rows.iterate()) {
    const id = Number(row.id);
    const size = Number(row.size);
    const have = row.have === null ? fileSize(bodyFile(home, id)) : Number(row.have);
    if (have === size) continue;
    const place = size > largeBodyBytes ? `queue/mess/${id % 23}/${id}` : "queue.db";
    if (have === null) {
      yield {
        kind: "lost-body",
        id,
        text: `message ${id} has no body (${size} bytes should be in ${place})`,
        repair: `take it out of the queue; its envelope goes to queue/lost/${id}.json`,
        mend: () => takeOut(home, database, id),
      };
    } else {
      yield { kind: "wrong-size", id, text: `message ${id} has ${have} bytes instead of ${size}`, repair: null };
    }
  }
}

/** Writes the envelope down, then removes the rows. */
function takeOut(home: string, database: Database, id: number): void {
  const message = database.prepare("SELECT id, born, sender, size FROM message WHERE id = ?").get(id);
  const recipients = database
    .prepare("SELECT address, channel, state, attempts, report FROM recipient WHERE message = ? ORDER BY idx")
    .all(id);
  writeFileSync(join(lostFolder(home), `${id}.json`), `${JSON.stringify({ ...message, recipients })}\n`, {
    mode: 0o600,
  });
  database.exec("BEGIN IMMEDIATE");
  for (const [table, column] of [
    ["recipient", "message"],
    ["body", "message"],
    ["message", "id"],
  ]) {
    database.prepare(`DELETE FROM ${table} WHERE ${column} = ?`).run(id);
  }
  database.exec("COMMIT");
}

function fileSize(path: string): number | null {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Files of queue/mess nobody owns. */
function* fileFaults(home: string, database: Database, isRunning: boolean): Generator<Found> {
  const mess = join(home, "queue", "mess");
  const known = database.prepare("SELECT size FROM message WHERE id = ?");
  for (const part of existsSync(mess) ? readdirSync(mess) : []) {
    const folder = join(mess, part);
    if (!lstatSync(folder).isDirectory()) {
      yield { kind: "stray-file", id: null, text: `queue/mess/${part} is no folder`, repair: null };
      continue;
    }
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue; // Finished since.
      const shortPath = `queue/mess/${part}/${name}`;
      const id = /^[0-9]{1,15}$/.test(name) ? Number(name) : null;
      if (id === null || path !== bodyFile(home, id)) {
        yield { kind: "stray-file", id: null, text: `${shortPath} does not belong there`, repair: null };
      } else if (Number(known.get(id)?.size ?? 0) <= largeBodyBytes) {
        if (isRunning && Date.now() - stat.mtimeMs < youngMs) continue;
        yield {
          kind: "orphan-file",
          id,
          text: `${shortPath} (${stat.size} bytes) is no message's body`,
          repair: `move it to queue/lost/${name}`,
          mend: () => renameSync(path, join(lostFolder(home), name)),
        };
      }
    }
  }
  for (const [name, wanted] of [
    ["mess", 0o700],
    ["queue.db", 0o600],
  ] as const) {
    const mode = lstatSync(join(home, "queue", name), { throwIfNoEntry: false })?.mode;
    if (mode === undefined || (mode & 0o022 & ~wanted) === 0) continue;
    const text = `queue/${name} is writable by others (mode ${(mode & 0o777).toString(8)})`;
    yield { kind: "mode", id: null, text, repair: null };
  }
}
