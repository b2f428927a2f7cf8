/** A queue of a million recipients: how it opens after a crash, what it weighs, and whether a fresh message notices. */
import { spawn } from "node:child_process";
import { rmSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender, Server } from "../peers/server.ts";
import { median, spread } from "../report/statistics.ts";
import { freshFolder } from "../stage.ts";
import { commandOf, treePids, treePssBytes, treeRssBytes } from "../tools/process-tree.ts";
import { waitForQuiet } from "../tools/quiet.ts";
import { openSmtp } from "../tools/smtp-client.ts";
import { type Case, met, type Setting } from "./case.ts";
import { warmUp } from "./with-server.ts";

/** A house at work with some queue. */
type House = {
  /** Seconds from the start command to "ready". */
  readonly startSeconds: number;
  readonly queueRssMb: number;
  readonly queuePssMb: number;
  /** Milliseconds from the final dot to the file in the Maildir, one per fresh message. */
  readonly delaysMs: readonly number[];
};

const freshMessages = 300;
const perMessage = 100;
const fillLimitMs = 600_000;
const arrivalLimitMs = 30_000;

/** Sends fresh messages one by one over one connection; resolves with how long each took into the Maildir. */
async function measureDelays(server: Server): Promise<readonly number[]> {
  const folder = server.newFolder!;
  let arrived: (() => void) | null = null;
  const watcher = watch(folder, () => arrived?.());
  const client = await openSmtp(server.port);
  const delays: number[] = [];
  try {
    await client.ask("EHLO bench.test", "250");
    for (let at = 0; at < freshMessages; at++) {
      await client.ask("MAIL FROM:<sender@bench.test>", "250");
      await client.ask(`RCPT TO:<${server.inAddress}>`, "250");
      await client.ask("DATA", "354");
      const there = new Promise<void>((resolve, reject) => {
        arrived = resolve;
        setTimeout(() => reject(new Error("a fresh message did not arrive")), arrivalLimitMs).unref();
      });
      const startedAt = performance.now();
      await client.ask("Subject: fresh\r\n\r\nhello\r\n.", "250");
      await there;
      delays.push(performance.now() - startedAt);
      await sleep(10);
    }
  } finally {
    watcher.close();
    client.close();
  }
  return delays;
}

/** The process of the queue service. */
function queuePid(root: number): number {
  const pid = treePids(root).find((one) => {
    const words = commandOf(one);
    return words.some((word) => word.endsWith("services/run.ts")) && words.includes("queue");
  });
  if (pid === undefined) throw new Error("the queue process was not found");
  return pid;
}

type Begun = { readonly server: Server; readonly seconds: number };

async function begin(contender: Contender, folder: string): Promise<Begun> {
  rmSync(join(folder, "ready"), { force: true }); // A house that was killed leaves it.
  const startedAt = performance.now();
  const server = await contender.start({ folder, relays: { "out.test": 9 }, wrapper: [] });
  return { server, seconds: (performance.now() - startedAt) / 1000 };
}

async function look({ server, seconds }: Begun): Promise<House> {
  const pid = queuePid(server.pid);
  const [rss, pss] = [treeRssBytes(pid).bytes / 2 ** 20, (treePssBytes(pid) ?? NaN) / 2 ** 20];
  await warmUp({ server, folder: "", cpu: () => ({ user: 0, system: 0 }) });
  await waitForQuiet();
  return { startSeconds: seconds, queueRssMb: rss, queuePssMb: pss, delaysMs: await measureDelays(server) };
}

/** Fills the queue as its owner, with nobody else at it. Resolves with the seconds it took. */
function fill(folder: string, messages: number): Promise<number> {
  const { uid, gid } = statSync(join(folder, "queue", "queue.db"));
  const program = join(import.meta.dirname, "fill-queue.ts");
  const args = ["--disable-warning=ExperimentalWarning", program, folder, String(messages), String(perMessage)];
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, args, {
      uid,
      gid,
      stdio: ["ignore", "inherit", "pipe"],
      timeout: fillLimitMs,
    });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === null && signal === "SIGKILL") resolve((performance.now() - startedAt) / 1000);
      else reject(new Error(`the queue could not be filled: ${said.slice(-300)}`));
    });
  });
}

/** kill -9 of everything that runs. */
async function crash(server: Server): Promise<void> {
  for (const pid of treePids(server.pid)) process.kill(pid, "SIGKILL");
  await server.stop();
}

async function measure(contender: Contender, { work, small, progress }: Setting) {
  const messages = small ? 500 : 10_000;
  const folder = freshFolder(work, contender.name);
  progress("a first start, an empty queue");
  await (await begin(contender, folder)).server.stop();
  const first = await begin(contender, folder);
  let empty: House;
  try {
    empty = await look(first);
  } finally {
    await first.server.stop();
  }
  progress(`filling the queue: ${messages} messages with ${perMessage} recipients each`);
  const fillSeconds = await fill(folder, messages);
  progress("start after the crash of the filler, then kill -9 of everything");
  const second = await begin(contender, folder);
  await crash(second.server);
  const third = await begin(contender, folder);
  try {
    progress("fresh messages");
    const full = await look(third);
    return { recipients: messages * perMessage, fillSeconds, firstOpenSeconds: second.seconds, empty, full };
  } finally {
    await third.server.stop();
  }
}

export const million: Case = {
  name: "million",
  title: "A queue of 1,000,000 recipients",
  minutes: () => 1,
  async run(setting) {
    const contender = setting.find("Quail");
    if (typeof contender === "string") throw new Error(`Quail: ${contender}`);
    const found = await measure(contender, setting);
    const { empty, full } = found;
    const [before, after] = [median(empty.delaysMs), median(full.delaysMs)];
    const row = (name: string, of: (house: House) => string, target: string, answer: string): readonly string[] => [
      name,
      of(empty),
      of(full),
      target,
      answer,
    ];
    const rows = [
      row(
        "start to ready, s (full: after kill -9)",
        (house) => house.startSeconds.toFixed(2),
        "at most 5 s",
        met(full.startSeconds, (seconds) => seconds <= 5),
      ),
      row(
        "RSS of the queue process, MB",
        (house) => house.queueRssMb.toFixed(0),
        "at most 300 MB",
        met(full.queueRssMb, (mb) => mb <= 300),
      ),
      row("PSS of the queue process, MB", (house) => house.queuePssMb.toFixed(0), "-", "-"),
      row(
        "a fresh message, ms from dot to Maildir",
        (house) => spread(house.delaysMs),
        "within 10%",
        met(after / before, (ratio) => ratio <= 1.1),
      ),
    ];
    return {
      table: { heads: ["", "empty queue", `${found.recipients} recipients`, "target", "met"], rows },
      notes: [
        `${found.recipients / perMessage} messages with ${perMessage} recipients each at 997 domains, tried once, due tomorrow; put in through the store's own`,
        `door in ${found.fillSeconds.toFixed(0)} s. One run; delays are medians of ${freshMessages} messages, one after another.`,
      ],
      data: found,
    };
  },
};
