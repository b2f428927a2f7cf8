/** Retrieval of a large mailbox by POP3, message by message, beside Dovecot. */
import { chownSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDovecot, type Pop3Contender, type Pop3Server } from "../peers/dovecot.ts";
import type { Contender } from "../peers/server.ts";
import { middle, none, quotient, shown, spread, times } from "../report/statistics.ts";
import { freshFolder } from "../stage.ts";
import { openCpuGroup } from "../tools/cpu-group.ts";
import { openPop3 } from "../tools/pop3-client.ts";
import { attempt, type Case, met, type Setting } from "./case.ts";
import { sampleMessage } from "./with-server.ts";

type Retrieval = {
  /** Seconds until logged in and told how many messages there are: the first time, and again afterwards. */
  readonly coldLogin: number;
  readonly warmLogin: number;
  /** Seconds for RETR of every message, one command at a time. */
  readonly retrieve: number;
  readonly messages: number;
  readonly bytes: number;
};

const messageBytes = 10 * 1024;

/** Puts messages into `new/` of a Maildir, owned by its user. */
function fillMaildir({ maildir, uid }: Pop3Server, messages: number): void {
  const folders = [maildir, ...["tmp", "new", "cur"].map((name) => join(maildir, name))];
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chownSync(folder, uid, uid);
  }
  const message = sampleMessage(messageBytes);
  const hourAgo = Date.now() / 1000 - 3600; // qmail-pop3d does not show what came this very second.
  for (let at = 0; at < messages; at++) {
    const file = join(maildir, "new", `${1_700_000_000 + at}.M${at}P1.bench`);
    writeFileSync(file, message);
    chownSync(file, uid, uid);
    utimesSync(file, hourAgo, hourAgo);
  }
}

/** Logs in and asks STAT; the client is left in the mailbox. */
async function logIn({ port, user, password }: Pop3Server, messages: number) {
  const startedAt = performance.now();
  const client = await openPop3(port);
  await client.ask(`USER ${user}`);
  await client.ask(`PASS ${password}`);
  const stat = await client.ask("STAT");
  const count = Number(stat.split(" ")[1]);
  if (count !== messages) throw new Error(`the mailbox has ${messages} messages, the server says ${stat.trim()}`);
  return { client, seconds: (performance.now() - startedAt) / 1000 };
}

async function retrieveAll(server: Pop3Server, messages: number): Promise<Retrieval> {
  fillMaildir(server, messages);
  const cold = await logIn(server, messages);
  await cold.client.ask("QUIT");
  const { client, seconds: warmLogin } = await logIn(server, messages);
  const startedAt = performance.now();
  let bytes = 0;
  for (let at = 1; at <= messages; at++) bytes += await client.askMore(`RETR ${at}`);
  const retrieve = (performance.now() - startedAt) / 1000;
  await client.ask("QUIT");
  if (bytes < messages * messageBytes * 0.9) throw new Error(`${bytes} bytes came for ${messages} messages`);
  return { coldLogin: cold.seconds, warmLogin, retrieve, messages, bytes };
}

/** Quail with its test account, whose password its first start writes down. */
function quailPop3(contender: Contender): Pop3Contender {
  const start = async (folder: string): Promise<Pop3Server> => {
    const group = openCpuGroup();
    const server = await contender.start({ folder, relays: {}, pop3: true, wrapper: group?.wrapper ?? [] });
    const stop = async (): Promise<void> => {
      await server.stop();
      group?.close();
    };
    const password = /password\s+(\S+)/.exec(readFileSync(join(folder, "welcome.txt"), "utf8"))?.[1];
    if (server.pop3Port === undefined || password === undefined) {
      await stop();
      throw new Error("not yet");
    }
    const home = join(folder, "home", "you");
    const maildir = join(home, "Maildir");
    return { pid: server.pid, port: server.pop3Port, user: "you", password, maildir, uid: statSync(home).uid, stop };
  };
  return { version: contender.version, start };
}

async function measure(name: string, contender: Pop3Contender, { work, small }: Setting): Promise<Retrieval> {
  const server = await contender.start(freshFolder(work, name));
  try {
    return await retrieveAll(server, small ? 1000 : 10_000);
  } finally {
    await server.stop();
  }
}

export const pop3: Case = {
  name: "pop3",
  title: "POP3: 10,000 messages of 10 KB, RETR one by one",
  minutes: (runs) => 0.25 * runs,
  async run(setting) {
    const quail = setting.find("Quail");
    const contenders: readonly (readonly [string, Pop3Contender | string])[] = [
      ["Quail", typeof quail === "string" ? quail : quailPop3(quail)],
      ["Dovecot", findDovecot()],
    ];
    const found = new Map<string, Retrieval[]>(contenders.map(([name]) => [name, []]));
    const reasons = new Map<string, string>();
    for (let run = 0; run < setting.runs; run++) {
      for (const [name, contender] of run % 2 === 0 ? contenders : contenders.toReversed()) {
        setting.progress(`${name}, run ${run + 1}`);
        if (reasons.has(name)) continue;
        const got = typeof contender === "string" ? contender : await attempt(() => measure(name, contender, setting));
        if (typeof got === "string") reasons.set(name, got);
        else found.get(name)?.push(got);
      }
    }
    const rows = [...found].map(([name, runs]) => {
      if (runs.length === 0) return [name, reasons.get(name) ?? none, none, none, none];
      return [
        name,
        spread(runs.map(({ coldLogin }) => coldLogin)),
        spread(runs.map(({ warmLogin }) => warmLogin)),
        spread(runs.map(({ retrieve }) => retrieve)),
        shown(middle(runs.map(({ messages, retrieve }) => messages / retrieve))),
      ];
    });
    const seconds = (name: string): number | null => middle((found.get(name) ?? []).map(({ retrieve }) => retrieve));
    const ratio = quotient(seconds("Quail"), seconds("Dovecot"));
    return {
      table: {
        heads: ["server", "first login + STAT, s", "again, s", "RETR of all, s", "messages/s"],
        rows: [...rows, ["Quail/Dovecot", none, none, times(ratio), `target 1.5x met: ${met(ratio, (x) => x <= 1.5)}`]],
      },
      notes: [
        "Plain USER and PASS over loopback, a fresh server and Maildir for each run, files in the page cache. Quail checks passwords with",
        `scrypt, which is slow on purpose; Dovecot's is plain here. ${setting.runs} runs.`,
      ],
      data: Object.fromEntries(found),
    };
  },
};
