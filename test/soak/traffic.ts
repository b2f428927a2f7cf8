/** Mixed traffic on one house: mail in, out, deferred, bounced, injected by a program, and read by POP3 or from the Maildir. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../corpus/random.ts";
import { type House, inbox, quailCommand } from "../system/house.ts";
import { SmtpClient } from "../system/smtp-client.ts";
import { readByPop3 } from "./pop3-reader.ts";

/** What was promised and what has arrived, by the message's name. */
export type Books = {
  /** Names the house has said 250 to (or a program exit code 0), and where they must turn up. */
  readonly promised: Map<string, "here" | "far" | "bounce">;
  readonly here: Set<string>;
  /** Names of which the bounce came back. */
  readonly bounced: Set<string>;
  sent: number;
  readByPop3: number;
  readonly troubles: string[];
};

export type TrafficOptions = {
  readonly house: House;
  readonly books: Books;
  readonly random: Random;
  readonly sessions: number;
  readonly pauseMs: number;
  readonly pop3Port: number;
  readonly password: string;
};

const perConnection = 20;
const readEveryMs = 1_000;
const injectEveryMs = 2_000;

const goals = [
  { to: inbox, ends: "here", weight: 12 },
  { to: "you@far.test", ends: "far", weight: 5 },
  { to: "you@busy.test", ends: "far", weight: 2 },
  { to: "nobody@refuses.test", ends: "bounce", weight: 1 },
] as const;

function goalFor(random: Random): (typeof goals)[number] {
  let at = random.below(goals.reduce((sum, { weight }) => sum + weight, 0));
  for (const goal of goals) {
    if (at < goal.weight) return goal;
    at -= goal.weight;
  }
  return goals[0];
}

function messageFor(name: string, random: Random): Buffer {
  const lines = random.below(50) === 0 ? 2_500 : 1 + random.below(150);
  return Buffer.from(`Subject: soak ${name}\nTo: you\n\n${`${"quail ".repeat(12)}\n`.repeat(lines)}`);
}

/** Takes note of a message that was read here: a bounce names the message it is about. */
function note(books: Books, text: string): void {
  const isBounce = text.startsWith("Return-Path: <>\n") || text.startsWith("Return-Path: <>\r\n");
  for (const [, name = ""] of text.matchAll(/^Subject: soak (s[0-9]+)\r?$/gm))
    (isBounce ? books.bounced : books.here).add(name);
}

/** Runs until `stop` is aborted; resolves when all is quiet on our side. Mail may still be under way then. */
export async function traffic(options: TrafficOptions, stop: AbortSignal): Promise<void> {
  const { house, books, random } = options;
  const session = async (): Promise<void> => {
    const client = await SmtpClient.open(house.ports.smtp);
    try {
      await client.command("EHLO soak.test");
      for (let n = 0; n < perConnection && !stop.aborted; n++) {
        const name = `s${books.sent++}`;
        const { to, ends } = goalFor(random);
        const reply = await client.send(inbox, [to], messageFor(name, random));
        if (reply.code === 250) books.promised.set(name, ends);
        else books.troubles.push(`${name}: ${reply.code} ${reply.lines[0]}`);
        await sleep(options.pauseMs);
      }
      await client.quit();
    } finally {
      client.hangUp();
    }
  };
  const sending = async (): Promise<void> => {
    while (!stop.aborted) await session().catch((error: unknown) => books.troubles.push(String(error)));
  };
  const injecting = async (): Promise<void> => {
    for (; !stop.aborted; await sleep(injectEveryMs)) {
      const name = `s${books.sent++}`;
      const child = spawn(quailCommand, ["sendmail", "-f", inbox, inbox], {
        env: { ...process.env, QUAIL_HOME: house.home },
        stdio: ["pipe", "ignore", "ignore"],
      });
      child.stdin.end(messageFor(name, random));
      const code = await new Promise((done) => child.once("exit", done));
      if (code === 0) books.promised.set(name, "here");
      else books.troubles.push(`sendmail: exit code ${code}`);
    }
  };
  const reading = async (): Promise<void> => {
    for (; !stop.aborted; await sleep(readEveryMs)) await readMail(options);
  };
  await Promise.all([...Array.from({ length: options.sessions }, sending), injecting(), reading()]);
}

/** Reads what is in the mailbox, and removes it: by POP3 while that works, else from the Maildir as a local reader. */
export async function readMail({
  books,
  house,
  password,
  pop3Port,
}: Pick<TrafficOptions, "books" | "house" | "password" | "pop3Port">): Promise<void> {
  try {
    books.readByPop3 += await readByPop3(pop3Port, inbox, password, (text) => note(books, text));
    return;
  } catch (error) {
    const trouble = `POP3: ${error instanceof Error ? error.message : error}`;
    if (!books.troubles.includes(trouble)) books.troubles.push(trouble);
  }
  for (const name of readdirSync(join(house.maildir, "new"))) {
    const path = join(house.maildir, "new", name);
    note(books, readFileSync(path, "latin1"));
    unlinkSync(path);
  }
}
