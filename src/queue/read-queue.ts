import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import { openDatabase } from "#sql";
import { readBodyFile } from "./bodies.ts";
import { type Channel, channelNumbers, recipientStates } from "./records.ts";
import { migrations } from "./schema.ts";

/** One recipient as the listing tools see it. */
export type QueuedRecipient = {
  readonly index: number;
  readonly address: ByteString;
  readonly channel: Channel;
  readonly state: "pending" | "done" | "failed" | "held";
  readonly dueAt: Date;
  readonly attempts: number;
  readonly lastReport: ByteString;
};

/** One message as the listing tools see it. */
export type QueuedMessage = {
  readonly id: number;
  readonly bornAt: Date;
  readonly agedFrom: Date;
  readonly sizeBytes: number;
  readonly sender: ByteString;
  /** A recipient has failed for good: a bounce is owed. */
  readonly bouncing: boolean;
  readonly held: boolean;
  readonly recipients: readonly QueuedRecipient[];
};

/** A reader of a queue, with or without its service running. The caller closes it. */
export type QueueReader = Disposable & {
  /** Messages in order of id, one at a time: a million fit. */
  messages(): Iterable<QueuedMessage>;
  message(id: number): QueuedMessage | null;
  count(): number;
  /** Bytes of a message as stored; null if there is no such message. */
  read(id: number, offset: number, length: number): Buffer | null;
};

type Row = Record<string, unknown>;
const stateNames = new Map(Object.entries(recipientStates).map(([name, number]) => [number, name] as const));

/** Opens the queue of `home` for reading; null if there is none yet. Needs the queue's uid or root. */
export function readQueue(home: string): QueueReader | null {
  const path = join(home, "queue", "queue.db");
  if (!existsSync(path)) return null;
  const database = openDatabase(path, migrations, "read");
  const messageRows = database.prepare(
    "SELECT id, born, aged, sender, size FROM message WHERE id >= ? ORDER BY id LIMIT ?",
  );
  const recipientRows = database.prepare(
    "SELECT idx, address, channel, state, due, attempts, report FROM recipient WHERE message = ? ORDER BY idx",
  );
  const body = database.prepare("SELECT substr(bytes, ?, ?) AS bytes FROM body WHERE message = ?");
  const full = (row: Row): QueuedMessage => {
    const recipients = recipientRows.all(Number(row.id)).map(recipientFromRow);
    return {
      id: Number(row.id),
      bornAt: new Date(Number(row.born)),
      agedFrom: new Date(Number(row.aged)),
      sizeBytes: Number(row.size),
      sender: String(row.sender),
      bouncing: recipients.some(({ state }) => state === "failed"),
      held: recipients.some(({ state }) => state === "held"),
      recipients,
    };
  };
  const close = (): void => database.close();
  return {
    *messages() {
      const page = 500;
      for (let from = 0; ; ) {
        const rows = messageRows.all(from, page);
        for (const row of rows) yield full(row);
        if (rows.length < page) return;
        from = Number(rows.at(-1)?.id) + 1;
      }
    },
    message(id) {
      const row = messageRows.get(id, 1);
      return row === undefined || Number(row.id) !== id ? null : full(row);
    },
    count: () => Number(database.prepare("SELECT count(*) AS n FROM message").get()?.n),
    read(id, offset, length) {
      const row = messageRows.get(id, 1);
      if (row === undefined || Number(row.id) !== id) return null;
      const bytes = body.get(offset + 1, length, id)?.bytes as Uint8Array | undefined;
      return bytes === undefined ? readBodyFile(home, id, offset, length) : Buffer.from(bytes);
    },
    [Symbol.dispose]: close,
  };
}

function recipientFromRow(row: Row): QueuedRecipient {
  return {
    index: Number(row.idx),
    address: String(row.address),
    channel: row.channel === channelNumbers.local ? "local" : "remote",
    state: (stateNames.get(Number(row.state) as 0 | 1 | 2 | 3) ?? "pending") as QueuedRecipient["state"],
    dueAt: new Date(Number(row.due)),
    attempts: Number(row.attempts),
    lastReport: String(row.report),
  };
}
