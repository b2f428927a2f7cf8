/** Mail from several sessions at once that never gives up on the server and remembers every promise it was given. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../corpus/random.ts";
import { SmtpClient } from "../system/smtp-client.ts";

/** What one load has to tell. A message's id is the local part of its sender. */
export type Load = {
  /** Ids that were answered 250: these must arrive. */
  readonly promised: ReadonlyMap<string, "local" | "remote">;
  /** Messages begun, promised or not. */
  begun(): number;
  /** Replies of 500 and above, which no crash excuses. */
  readonly refusals: readonly string[];
  /** Resolves when every session has ended. */
  stop(): Promise<void>;
};

export type LoadOptions = {
  readonly port: number;
  readonly random: Random;
  readonly sessions: number;
  /** Pause of a session between two messages, in milliseconds. */
  readonly pauseMs: number;
  readonly local: string;
  readonly remote: string;
};

const reconnectMs = 50;
const perConnection = 8;

/** Mostly small messages; one in forty is large enough to be a file of its own in the queue. */
function messageFor(id: string, random: Random): Buffer {
  const lines = random.below(40) === 0 ? 2_500 + random.below(2_000) : 1 + random.below(60);
  return Buffer.from(`Subject: ${id}\n\n${`${"quail ".repeat(12)}\n`.repeat(lines)}end of ${id}\n`);
}

/** True if a message of the load is whole, as LF or CRLF text: its last line names it. */
export function isWhole(id: string, message: Buffer): boolean {
  return message
    .toString("latin1", Math.max(0, message.length - 40))
    .trimEnd()
    .endsWith(`end of ${id}`);
}

/** Starts the load; it runs until `stop`. */
export function startLoad({ port, random, sessions, pauseMs, local, remote }: LoadOptions): Load {
  const promised = new Map<string, "local" | "remote">();
  const refusals: string[] = [];
  let begun = 0;
  let stopping = false;
  const oneConnection = async (): Promise<void> => {
    const client = await SmtpClient.open(port);
    try {
      await client.command("EHLO load.test");
      for (let n = 0; n < perConnection && !stopping; n++) {
        const id = `m${begun++}`;
        const goal = random.below(3) === 0 ? "remote" : "local";
        const reply = await client.send(`${id}@load.test`, [goal === "local" ? local : remote], messageFor(id, random));
        if (reply.code === 250) promised.set(id, goal);
        else if (reply.code >= 500) refusals.push(`${id}: ${reply.code} ${reply.lines.join("/")}`);
        // After a temporary refusal the envelope may still be there; a new MAIL replaces it.
        await sleep(pauseMs);
      }
      await client.quit();
    } finally {
      client.hangUp();
    }
  };
  const session = async (): Promise<void> => {
    while (!stopping) {
      // The server is being killed all the time: a lost connection is expected, what counts is what was promised before.
      await oneConnection().catch(() => sleep(reconnectMs));
    }
  };
  const running = Promise.all(Array.from({ length: sessions }, session));
  return {
    promised,
    refusals,
    begun: () => begun,
    async stop() {
      stopping = true;
      await running;
    },
  };
}
