/**
 * Trouble below the processes themselves: pipes that are full, writes that the kernel refuses in mid-file (RLIMIT_FSIZE: EFBIG), no process
 * to be had (RLIMIT_NPROC: EAGAIN), TLS handshakes that stall. For each: what is answered and logged, that it is tried again and nothing is
 * lost or doubled, and that others are unharmed.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { rootCertificates } from "node:tls";
import { House, inbox, isRunning, needs, readNew, until } from "../system/house.ts";
import { SmtpClient, sendOne } from "../system/smtp-client.ts";
import { mailPasses, pidsOf } from "./watching.ts";

/** A file in the test account's home, which is its owner's. */
function userFile(house: House, name: string, content: string): void {
  const home = house.path("home", "you");
  const { uid, gid } = statSync(house.maildir);
  writeFileSync(join(home, name), content, { mode: 0o600 });
  chownSync(join(home, name), uid, gid);
}

/** How the first attempt at a recipient ended, as the log has it, after so many lines. */
async function fateOf(house: House, recipient: string, from = 0, withinMs = 30_000) {
  const [, number] = await house.logged(
    new RegExp(`^starting delivery ([0-9]+): msg [0-9]+ to (?:local|remote) ${recipient}$`),
    withinMs,
    from,
  );
  const [, fate = "", report = ""] = await house.logged(
    new RegExp(`^delivery ${number}: ([a-z]+): (.*)$`),
    withinMs,
    from,
  );
  return { fate, report };
}

async function accept(house: House, to: string, subject: string, bytes = 0): Promise<void> {
  const message = `Subject: ${subject}\n\n${`${"x".repeat(99)}\n`.repeat(bytes / 100)}`;
  const reply = await sendOne(house.ports.smtp, "a@b.test", [to], message);
  assert.equal(reply.code, 250, reply.lines.join("/"));
}

/** How many messages with this subject are in the mailbox. */
const copies = (house: House, subject: string): number =>
  [...readNew(house.maildir).values()].filter((bytes) => bytes.includes(`\nSubject: ${subject}\n`)).length;

/** Why users' programs do not run in this house; null if they do. */
async function programsRefused(house: House): Promise<string | null> {
  userFile(house, ".qmail-try", "|true\n");
  await accept(house, "you-try@localhost", "try");
  const { fate, report } = await fateOf(house, "you-try@localhost");
  return fate === "success" ? null : report;
}

const late = /^Program_took_longer_than_2_seconds_and_was_stopped/;

/** Lines that do not take what they are given, or give what nobody takes. */
const lines: readonly (readonly [what: string, line: string, fate: "success" | "deferral", report?: RegExp])[] = [
  ["does not read its message", "|sleep 1", "success"],
  ["reads ten octets of it", "|head -c 10 >/dev/null", "success"],
  ["closes its input", "|exec <&-; true", "success"],
  ["closes its output", "|exec >&- 2>&-; sleep 1", "success"],
  ["is given the message through a pipe and does not read it", "|preline true", "success"],
  ["is given the message through a pipe and never reads it", "|preline sleep 597", "deferral", late],
  ["never reads, in a chain of the shell", "|cat | sleep 598", "deferral", late],
  ["writes 20 MB", "|head -c 20000000 /dev/zero | tr '\\0' x", "success"],
  ["writes without end", "|yes", "deferral"],
  [
    "writes into a pipe that nobody reads",
    "|mkfifo -m 600 full.$$ && { sleep 599 <full.$$ & cat >full.$$; }",
    "deferral",
    late,
  ],
];

test("programs that do not read, or whose output nobody reads, are done or stopped in time; the mail of others passes", {
  skip: needs("mkfifo"),
}, async (t) => {
  await using house = await House.open({ control: { programtimeout: "2\n" } });
  const refused = await programsRefused(house);
  if (refused !== null) return t.skip(refused);
  for (const [n, [, line]] of lines.entries()) userFile(house, `.qmail-p${n}`, `${line}\n`);
  const from = house.logLines().length;
  for (const n of lines.keys()) await accept(house, `you-p${n}@localhost`, `p${n}`, 1_000_000);
  t.diagnostic(`mail beside them: ${await mailPasses(house, "beside")} ms`);
  const wrong: string[] = [];
  for (const [n, [what, , expected, pattern]] of lines.entries()) {
    const { fate, report } = await fateOf(house, `you-p${n}@localhost`, from);
    if (fate !== expected || pattern?.test(report) === false || report.length > 10_000)
      wrong.push(`a program that ${what}: ${fate} ${report.slice(0, 200)}`);
  }
  assert.deepEqual(wrong, []);
  const left = (): readonly number[] =>
    readdirSync("/proc")
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number)
      .filter((pid) => /^sleep\0(?:59[789])\0$/.test(commandLine(pid)) && isRunning(pid));
  await until("all that they started is gone", () => left().length === 0, 15_000);
  // What was put off is delivered once there is a line that works.
  const deferred = [...lines.entries()].filter(([, [, , fate]]) => fate === "deferral").map(([n]) => n);
  for (const n of deferred) userFile(house, `.qmail-p${n}`, "./Maildir/\n");
  house.signal("SIGALRM");
  await until("what was put off", () => deferred.every((n) => copies(house, `p${n}`) === 1));
});

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // It has ended meanwhile.
  }
}

/** The real uid and gid of a process. */
function idsOf(pid: number): { readonly uid: number; readonly gid: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const first = (field: string): number => Number(new RegExp(`^${field}:\\s+([0-9]+)`, "m").exec(status)?.[1]);
  return { uid: first("Uid"), gid: first("Gid") };
}

/** As who it is itself: root, too, may lack the right to limit others. */
function prlimit(pid: number, ...words: readonly string[]): string {
  const as = process.getuid?.() === 0 ? idsOf(pid) : {};
  return execFileSync("prlimit", ["--pid", String(pid), ...words], { ...as, cwd: "/", encoding: "latin1" }).trim();
}

/** Sets a soft limit of running processes; the hard one stays, so that it can be taken back. */
function limit(pids: readonly number[], what: "fsize" | "nproc", value: string): void {
  for (const pid of pids) prlimit(pid, `--${what}=${value}:`);
}

/** The soft limit as it stands. */
function limitOf(pid: number, what: "fsize" | "nproc"): string {
  return prlimit(pid, `--${what}`, "--noheadings", "--raw", "-o", "SOFT");
}

test("a queue whose writes fail in mid-file answers 451, small messages and large, and goes on when they succeed; a mark that was lost doubles nothing", {
  skip: needs("prlimit"),
}, async () => {
  await using house = await House.open();
  await mailPasses(house, "before");
  const queue = pidsOf(house, "queue");
  const old = limitOf(queue[0]!, "fsize");
  limit(queue, "fsize", "1");
  const client = await SmtpClient.open(house.ports.smtp);
  await client.command("HELO client.test");
  for (const bytes of [100, 1_000_000, 100]) {
    const message = Buffer.from(`Subject: refused\n\n${"x".repeat(bytes)}\n`);
    const reply = await client.send("a@b.test", [inbox], message);
    assert.equal(`${reply.code} ${reply.lines.join("/")}`, "451 qq write error or disk full (#4.3.0)");
    await client.command("RSET");
  }
  assert.deepEqual(pidsOf(house, "queue"), queue, "the queue lives on");
  limit(queue, "fsize", old);
  assert.equal((await client.send("a@b.test", [inbox], Buffer.from("Subject: after\n\n"))).code, 250);
  await client.quit();
  await until("the mail after it", () => copies(house, "after") === 1);
  assert.equal(copies(house, "refused"), 0);

  // Accepted, delivered while the queue cannot note that it was, and delivered again: one file.
  userFile(house, ".qmail-slow", "./Maildir/\n|sleep 1\n");
  const refused = await programsRefused(house);
  const from = house.logLines().length;
  await accept(house, refused === null ? "you-slow@localhost" : inbox, "marked");
  limit(queue, "fsize", "1");
  await until("the delivery", () => copies(house, "marked") === 1);
  await sleep(1_500);
  limit(queue, "fsize", old);
  house.signal("SIGALRM");
  await house.logged(/^end msg [0-9]+$/, 60_000, from);
  assert.equal(copies(house, "marked"), 1);
  await mailPasses(house, "at last");
});

test("a worker whose writes fail in mid-file defers what does not fit, delivers what does, and delivers the rest later", {
  skip: needs("prlimit"),
}, async () => {
  await using house = await House.open();
  await mailPasses(house, "before");
  const workers = pidsOf(house, "local-worker");
  assert.ok(workers.length > 0);
  const old = limitOf(workers[0]!, "fsize");
  limit(workers, "fsize", "65536");
  const from = house.logLines().length;
  for (const bytes of [100_000, 1_000_000]) {
    const lines = house.logLines().length;
    await accept(house, inbox, `cut ${bytes}`, bytes);
    const { fate, report } = await fateOf(house, inbox, lines);
    assert.equal(`${fate} ${report}`, "deferral Temporary_error_on_maildir_delivery._(#4.3.0)/");
  }
  await mailPasses(house, "fits");
  assert.deepEqual(pidsOf(house, "local-worker"), workers, "the worker lives on");
  limit(workers, "fsize", old);
  house.signal("SIGALRM");
  for (const bytes of [100_000, 1_000_000])
    await until(`the one of ${bytes} octets`, () => copies(house, `cut ${bytes}`) === 1);
  await house.logged(/^end msg [0-9]+$/, 30_000, from);
  assert.deepEqual(readdirSync(join(house.maildir, "tmp")), [], "nothing is left in tmp/");
});

test("logs that cannot be written stop no mail, and go on when they can", { skip: needs("prlimit") }, async () => {
  await using house = await House.open();
  await mailPasses(house, "before");
  const old = limitOf(house.pid, "fsize");
  limit([house.pid], "fsize", "1");
  for (const n of [1, 2, 3]) await mailPasses(house, `unlogged ${n}`);
  await sleep(1_500); // Its complaint cannot be written either: that must not end it, now or a little later.
  assert.ok(isRunning(house.pid));
  limit([house.pid], "fsize", old);
  const from = house.logLines().length;
  await mailPasses(house, "logged");
  await house.logged(/^delivery [0-9]+: success: /, 30_000, from);
});

test("no process to be had for a program: its mail is deferred and delivered later, a mailbox gets its mail meanwhile", {
  skip: needs("prlimit"),
}, async (t) => {
  await using house = await House.open();
  const refused = await programsRefused(house);
  if (refused !== null) return t.skip(refused);
  await mailPasses(house, "before"); // The worker has all the threads it will have.
  const workers = pidsOf(house, "local-worker");
  if (workers.some((pid) => idsOf(pid).uid === 0)) return t.skip("root may always start a process");
  userFile(house, ".qmail-prog", "|cat >>taken\n");
  const old = limitOf(workers[0]!, "nproc");
  limit(workers, "nproc", "1");
  const from = house.logLines().length;
  await accept(house, "you-prog@localhost", "for a program");
  const { fate, report } = await fateOf(house, "you-prog@localhost", from);
  assert.equal(`${fate} ${report}`, "deferral Unable_to_fork:_temporary_failure._(#4.3.0)/");
  await mailPasses(house, "beside");
  limit(workers, "nproc", old);
  house.signal("SIGALRM");
  await until("the program's mail", () => {
    const taken = house.path("home", "you", "taken");
    return (
      statSync(taken, { throwIfNoEntry: false }) !== undefined &&
      readFileSync(taken, "latin1").includes("for a program")
    );
  });
});

/** What a server does once it has said 220 to STARTTLS. */
const stalls: readonly (readonly [name: string, act: (socket: Socket) => void])[] = [
  ["says nothing", () => {}],
  ["sends half a record", (socket) => void socket.write(Buffer.from("160303100002", "hex"))],
  [
    "sends a record octet by octet without end",
    (socket) => {
      const head = Buffer.from("1603033fff", "hex");
      let sent = 0;
      const timer = setInterval(() => {
        socket.write(head.subarray(sent, sent + 1).length > 0 ? head.subarray(sent, sent + 1) : "x");
        sent++;
      }, 100);
      socket.once("close", () => clearInterval(timer));
    },
  ],
  ["talks SMTP", (socket) => void socket.write("250 mx\r\n".repeat(100))],
  ["closes", (socket) => void socket.end()],
  ["resets", (socket) => void socket.resetAndDestroy()],
];

type Staller = AsyncDisposable & { readonly port: number; readonly taken: number; readonly handshakes: number };

/** A server that takes mail in the clear and stalls every handshake; with `offers.tls` false it does not offer STARTTLS. */
async function openStaller(host: string, act: (socket: Socket) => void, offers: { tls: boolean }): Promise<Staller> {
  const sockets = new Set<Socket>();
  let taken = 0;
  let handshakes = 0;
  const converse = (socket: Socket): void => {
    let inData = false;
    let inTls = false;
    let input = "";
    const replyTo = (line: string): string => {
      const verb = line.slice(0, 4).toUpperCase();
      if (inData) {
        if (line !== ".") return "";
        inData = false;
        taken++;
        return "250 taken\r\n";
      }
      if (verb === "EHLO") return offers.tls ? "250-mx.test\r\n250 STARTTLS\r\n" : "250 mx.test\r\n";
      inData = verb === "DATA";
      if (verb === "STAR") {
        inTls = true;
        handshakes++;
        return "220 go\r\n";
      }
      return inData ? "354 go\r\n" : verb === "QUIT" ? "221 bye\r\n" : "250 fine\r\n";
    };
    socket.on("data", (bytes: Buffer) => {
      if (inTls) return; // The client's hello, to which it will not get the right answer.
      input += bytes.toString("latin1");
      for (let end = input.indexOf("\r\n"); end >= 0 && !inTls; end = input.indexOf("\r\n")) {
        const reply = replyTo(input.slice(0, end));
        input = input.slice(end + 2);
        if (reply !== "" && socket.writable) socket.write(reply);
        if (inTls) setTimeout(() => act(socket), 50); // After the client's hello.
      }
    });
    socket.write("220 mx.test ESMTP\r\n");
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {}); // Its client has had enough.
    converse(socket);
  });
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, host, done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    port: address.port,
    get taken() {
      return taken;
    },
    get handshakes() {
      return handshakes;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** No server here can prove to be certified by it. */
const somebodysAuthority = rootCertificates[0] ?? "";

/** Servers here must prove who they are; of others TLS is only tried. Any address of 127/8 is the loopback. */
const strictHost = "127.0.0.2";
const easyHost = "127.0.0.1";

test("hosts that stall in mid-handshake: mail waits for those that must prove themselves and goes in the clear to others, in time; mail beside passes", async (t) => {
  await using stack = new AsyncDisposableStack();
  const offers = { tls: true };
  const open = async (host: string) => {
    const servers: Staller[] = [];
    for (const [, act] of stalls) servers.push(stack.use(await openStaller(host, act, offers)));
    return servers;
  };
  const easy = await open(easyHost);
  let strict: readonly Staller[] = [];
  try {
    strict = await open(strictHost);
  } catch {
    t.diagnostic(`${strictHost} is not to be had here: only hosts that need not prove themselves`);
  }
  const routes = [
    ...easy.map(({ port }, n) => ({ domain: `easy${n}.test`, at: `${easyHost}:${port}` })),
    ...strict.map(({ port }, n) => ({ domain: `strict${n}.test`, at: `${strictHost}:${port}` })),
  ];
  const house = stack.use(
    await House.lay({
      control: {
        rcpthosts: `localhost\n${routes.map(({ domain }) => `${domain}\n`).join("")}`,
        smtproutes: routes.map(({ domain, at }) => `${domain}:${at}\n`).join(""),
        timeoutremote: "2\n",
        concurrencyremote: "50\n",
      },
    }),
  );
  mkdirSync(house.path("control", "tlshosts"));
  writeFileSync(house.path("control", "tlshosts", `${strictHost}.pem`), somebodysAuthority);
  await house.start();
  for (const { domain } of routes) await accept(house, `a@${domain}`, domain);
  t.diagnostic(`mail beside them: ${await mailPasses(house, "beside")} ms`);
  const wrong: string[] = [];
  for (const [n, [what]] of stalls.entries()) {
    const { fate, report } = await fateOf(house, `a@easy${n}.test`);
    if (fate !== "success" || easy[n]?.taken !== 1 || easy[n]?.handshakes !== 1) wrong.push(`easy, ${what}: ${report}`);
    if (strict.length === 0) continue;
    const waits = await fateOf(house, `a@strict${n}.test`);
    if (waits.fate !== "deferral" || !/TLS_is_required_and_failed:_.*\(#4\.7\.5\)/.test(waits.report))
      wrong.push(`strict, ${what}: ${waits.fate} ${waits.report}`);
    if (strict[n]?.taken !== 0) wrong.push(`strict, ${what}: in the clear`);
  }
  assert.deepEqual(wrong, []);
  assert.match((await fateOf(house, "a@strict0.test")).report, /TLS_handshake_timed_out/);
  // The admin no longer asks for their proof: what waited is delivered.
  rmSync(house.path("control", "tlshosts", `${strictHost}.pem`));
  const hurry = setInterval(() => house.signal("SIGALRM"), 1_500);
  try {
    await until("what waited", () => strict.every(({ taken }) => taken > 0), 60_000);
  } finally {
    clearInterval(hurry);
  }
  assert.deepEqual(
    strict.map(({ taken }) => taken),
    strict.map(() => 1),
  );
});
