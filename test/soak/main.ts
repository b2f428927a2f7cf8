/**
 * `npm run soak -- --minutes N [--out FILE]`: a whole house under mixed traffic (mail in, out, deferred, bounced, injected, read). Every second
 * the memory, descriptors and answering times of its services are noted, and drawn at the end. Exit code 1 if a promised
 * message did not arrive or something grew without end. By hand: it takes its time and both cores.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { askQueue } from "#operate";
import { commandOf } from "../../bench/tools/process-tree.ts";
import { freePort } from "../../bench/tools/processes.ts";
import { seededRandom } from "../corpus/random.ts";
import { House, processesIn } from "../system/house.ts";
import { openScriptedServer } from "../system/scripted-server.ts";
import { SmtpClient } from "../system/smtp-client.ts";
import { drawing, type Line } from "./drawing.ts";
import { type LiveMemory, liveMemory, tellingMemory } from "./live-memory.ts";
import { type Books, readMail, traffic } from "./traffic.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    out: { type: "string", default: "soak.svg" },
    seed: { type: "string", default: "1" },
    sessions: { type: "string", default: "6" },
    pause: { type: "string", default: "50" },
  },
});

const seconds = Math.max(10, Number(values.minutes) * 60);
const sampleMs = 1_000;
/** How long what was promised may still take when the traffic has ended, in milliseconds. */
const settleMs = 120_000;
/** Growth from the second quarter to the last that is called a leak: both must be exceeded. */
const leakShare = 1.3;
const leakMb = 20;

type Sample = {
  readonly rss: ReadonlyMap<string, number>;
  readonly fds: ReadonlyMap<string, number>;
  readonly smtpMs: number;
  readonly queueMs: number;
  readonly promised: number;
};

function roleOf(pid: number): string {
  const words = commandOf(pid);
  const at = words.findIndex((word) => word.endsWith("run.ts"));
  return at >= 0 ? (words[at + 1] ?? "?") : "supervisor";
}

/** Memory in MB and open descriptors of each role's processes together. */
function look(home: string): Pick<Sample, "rss" | "fds"> {
  const rss = new Map<string, number>();
  const fds = new Map<string, number>();
  for (const pid of processesIn(home)) {
    try {
      const role = roleOf(pid);
      const kb = Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
      const open = readdirSync(`/proc/${pid}/fd`).length;
      rss.set(role, (rss.get(role) ?? 0) + kb / 1024);
      fds.set(role, (fds.get(role) ?? 0) + open);
    } catch {
      // It ended while we looked.
    }
  }
  return { rss, fds };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work().catch(() => {}); // Too late or broken: the time it took is what we are after.
  return performance.now() - begun;
}

function linesOf(samples: readonly Sample[], pick: (sample: Sample) => ReadonlyMap<string, number>): readonly Line[] {
  const names = [...new Set(samples.flatMap((sample) => [...pick(sample).keys()]))].toSorted();
  return names.map((name) => ({ name, values: samples.map((sample) => pick(sample).get(name) ?? 0) }));
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, n) => sum + n, 0) / Math.max(1, numbers.length);

/** Means of the second and the last quarter: the first is for warming up. */
function quarters(line: readonly number[]): readonly [number, number] {
  const quarter = Math.max(1, Math.floor(line.length / 4));
  return [mean(line.slice(quarter, 2 * quarter)), mean(line.slice(-quarter))];
}

const random = seededRandom(Number(values.seed));
const books: Books = { promised: new Map(), here: new Set(), bounced: new Set(), sent: 0, readByPop3: 0, troubles: [] };
await using far = await openScriptedServer();
let asked = 0;
await using busy = await openScriptedServer((verb) =>
  verb === "MAIL" && asked++ % 3 !== 0 ? "451 busy, come again" : null,
);
await using refuses = await openScriptedServer((verb) => (verb === "RCPT" ? "550 no such user" : null));
const pop3Port = await freePort();
await using house = await House.open({
  words: ["--port", `pop3=${pop3Port}`],
  env: tellingMemory,
  control: {
    rcpthosts: "localhost\nfar.test\nbusy.test\nrefuses.test\n",
    smtproutes: [
      `far.test:127.0.0.1:${far.port}`,
      `busy.test:127.0.0.1:${busy.port}`,
      `refuses.test:127.0.0.1:${refuses.port}\n`,
    ].join("\n"),
    dnsservers: "127.0.0.1:1\n",
  },
});
const welcome = readFileSync(house.path("welcome.txt"), "utf8");
const password = /password[^A-Za-z0-9]*(?:is )?([A-Za-z0-9+/=_-]{6,})/i.exec(welcome)?.[1] ?? welcome.trim();
const options = {
  house,
  books,
  random,
  pop3Port,
  password,
  sessions: Number(values.sessions),
  pauseMs: Number(values.pause),
};

process.stdout.write(`soak: ${(seconds / 60).toFixed(1)} minutes on ${house.home}\n`);
const ending = new AbortController();
const running = traffic(options, ending.signal);
const samples: Sample[] = [];
const probe = await SmtpClient.open(house.ports.smtp);
let probeTurns = 0;
let session = probe;
const pidsOf = (role: string): readonly number[] => processesIn(house.home).filter((pid) => roleOf(pid) === role);
/** When warm, and at the end. */
const lives: ReadonlyMap<string, LiveMemory>[] = [];
const until = Date.now() + seconds * 1000;
for (let next = Date.now(); Date.now() < until; next += sampleMs) {
  // A session that only says NOOP is sent away after a while, so it is taken anew now and then.
  if (++probeTurns % 300 === 0) {
    await session.quit();
    session = await SmtpClient.open(house.ports.smtp);
  }
  const smtpMs = await timed(() => session.command("NOOP"));
  const queueMs = await timed(() => askQueue(house.home, { verb: "metrics" }, 5_000));
  samples.push({ ...look(house.home), smtpMs, queueMs, promised: books.promised.size });
  if (samples.length % 60 === 0) {
    const total = [...(samples.at(-1)?.rss.values() ?? [])].reduce((sum, mb) => sum + mb, 0);
    process.stdout.write(`  ${samples.length} s: ${books.promised.size} promised, ${total.toFixed(0)} MB in all\n`);
    house.signal("SIGALRM"); // What was deferred is tried again: the schedule's hours are too long for us.
  }
  if (lives.length === 0 && Date.now() > until - seconds * 650) lives.push(await liveMemory(house, pidsOf));
  await sleep(Math.max(0, next + sampleMs - Date.now()));
}
lives.push(await liveMemory(house, pidsOf));
session.hangUp();
ending.abort();
await running;

/** Names that were promised and have not turned up. */
function missing(): readonly string[] {
  const away = new Set(
    [...far.taken, ...busy.taken].map(
      ({ bytes }) => /^Subject: soak (s[0-9]+)\r?$/m.exec(bytes.toString("latin1", 0, 2_000))?.[1],
    ),
  );
  const found = { here: books.here, far: away, bounce: books.bounced } as const;
  return [...books.promised]
    .filter(([name, ends]) => !found[ends].has(name))
    .map(([name, ends]) => `${name} (${ends})`);
}
for (const end = Date.now() + settleMs; Date.now() < end && missing().length > 0; await sleep(1_000)) {
  house.signal("SIGALRM");
  await readMail(options);
}

const rss = linesOf(samples, (sample) => sample.rss);
const fds = linesOf(samples, (sample) => sample.fds);
const rate = samples.map((sample, at) => sample.promised - (samples[at - 1]?.promised ?? 0));
const out = resolve(process.env.INIT_CWD ?? ".", values.out);
mkdirSync(dirname(out), { recursive: true });
const title = `Quail under mixed traffic: ${books.promised.size} messages in ${(seconds / 60).toFixed(0)} minutes`;
writeFileSync(
  out,
  drawing(
    title,
    [
      { title: "Memory (RSS)", unit: "MB", lines: rss },
      { title: "Open descriptors", unit: "count", lines: fds },
      {
        title: "Time to answer: NOOP by smtpd, a look at the queue",
        unit: "ms",
        lines: [
          { name: "smtpd", values: samples.map(({ smtpMs }) => smtpMs) },
          { name: "queue", values: samples.map(({ queueMs }) => queueMs) },
        ],
      },
      { title: "Messages accepted", unit: "a second", lines: [{ name: "messages", values: rate }] },
    ],
    samples.length,
  ),
);

const lost = missing();
const leaks: string[] = [];
for (const [unit, lines] of [
  ["MB", rss],
  ["descriptors", fds],
] as const) {
  for (const { name, values: line } of lines) {
    const [early, late] = quarters(line);
    process.stdout.write(
      `${name.padEnd(14)} ${early.toFixed(0).padStart(6)} -> ${late.toFixed(0).padStart(6)} ${unit}\n`,
    );
    if (late > early * leakShare && late - early > leakMb)
      leaks.push(`${name}: ${early.toFixed(0)} -> ${late.toFixed(0)} ${unit}`);
  }
}
for (const [role, last] of lives[1] ?? []) {
  const first = lives[0]?.get(role);
  if (first === undefined) continue;
  const change = (figure: keyof LiveMemory): string =>
    `${figure} ${(first[figure] / 1e6).toFixed(1)} -> ${(last[figure] / 1e6).toFixed(1)}`;
  process.stdout.write(
    `live in ${role}: ${change("heapUsed")}, ${change("external")}, ${change("rss")} MB after a collection, at 35% and at the end\n`,
  );
}
const delays = samples.map(({ smtpMs }) => smtpMs).toSorted((a, b) => a - b);
process.stdout.write(
  `NOOP: median ${delays[Math.floor(delays.length / 2)]?.toFixed(1)} ms, worst ${delays.at(-1)?.toFixed(0)} ms\n` +
    `${books.promised.size} messages promised, ${books.bounced.size} bounced, ${books.readByPop3} read by POP3; drawn in ${out}\n` +
    `${[...new Set(books.troubles)]
      .slice(0, 10)
      .map((line) => `trouble: ${line}\n`)
      .join("")}`,
);
if (lost.length > 0) process.stdout.write(`MISSING ${lost.length}: ${lost.slice(0, 20).join(", ")}\n`);
if (leaks.length > 0) process.stdout.write(`GROWN: ${leaks.join("; ")}\n`);
process.exitCode = lost.length > 0 || leaks.length > 0 ? 1 : 0;
