import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { toBytes } from "#bytes";
import { connectUnix, FrameLink } from "#net";
import { localFrames, type Resolved } from "#send/courier";
import { compileAssign, parseAssign } from "#users";
import { serve, serveLocal } from "./local.ts";
import type { RunningService } from "./service.ts";

const me = process.getuid?.() ?? 0;
const root = me === 0;
/** No account has it. */
const namelessUid = 65525;
const asRoot = { skip: !root && "needs root to become other users" };

/**
 * A worker that says to each knock who it is, and leaves 40 ms after the last when told so (`idle-seconds=0`), at once and badly
 * when told to fail. Plain JavaScript, so that any uid starts it quickly.
 */
const fakeWorker = `
import { createServer } from "node:net";
import { readFileSync } from "node:fs";
const options = new Map(process.argv.slice(2).map((word) => word.split("=")));
if (options.get("fail") === "1") process.exit(1);
let timer;
const idle = () => {
  clearTimeout(timer);
  if (options.get("idle-seconds") === "0") timer = setTimeout(() => process.exit(0), 40);
};
const server = createServer((socket) => {
  idle();
  socket.on("error", () => {});
  socket.end(JSON.stringify({
    pid: process.pid, uid: process.getuid(), gid: process.getgid(), cwd: process.cwd(), env: process.env,
    groups: /^Groups:[ \\t]*(.*?)[ \\t]*$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? null,
    words: process.argv.slice(2), umask: process.umask(),
  }));
});
server.listen({ fd: 3 }, idle);
process.on("SIGTERM", () => process.exit(0));
`;

type Said = {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly groups: string;
  readonly words: readonly string[];
  readonly umask: number;
};

/** A service in a home of its own, whose users/cdb has these lines; `HOME` in them is the home. */
async function house(
  t: TestContext,
  assign: readonly string[],
  options: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
  program: "fake" | "real" = "fake",
) {
  const home = await mkdtemp(join(tmpdir(), "quail-local-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  await chmod(home, 0o755);
  for (const folder of ["control", "users", "alias", "run"]) await mkdir(join(home, folder), { mode: 0o755 });
  await writeFile(join(home, "control/me"), "a.org\n");
  await writeFile(join(home, "passwd"), "");
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
  const entries = parseAssign(`${assign.map((line) => `${line}\n`).join("")}.\n`.replaceAll("HOME", home));
  assert.ok(!("kind" in entries));
  await writeFile(join(home, "users/cdb"), compileAssign(entries));
  const entry = join(home, "worker.mjs");
  await writeFile(entry, fakeWorker);
  await chmod(entry, 0o644);
  const lines: string[] = [];
  const all = new Map(Object.entries({ passwd: join(home, "passwd"), nss: "0", ...options }));
  const start = { home, options: all, log: (line: string) => lines.push(line) };
  const service: RunningService = await (program === "fake" ? serveLocal(start, [entry]) : serve(start));
  t.after(() => service.close());
  return { home, lines, service, ...(await asker(t, home)) };
}

/** A client of `run/local`. */
async function asker(t: TestContext, home: string) {
  const socket = await connectUnix(join(home, "run/local"));
  assert.ok("write" in socket);
  t.after(() => socket.destroy());
  const waiting = new Map<number, (payload: Buffer) => void>();
  const link = new FrameLink(socket, {
    frame: ({ id, payload }) => waiting.get(id)?.(payload),
    close: () => {},
  });
  let id = 0;
  const ask = (kind: number, text: string): Promise<Buffer> =>
    new Promise((resolve) => {
      waiting.set(++id, resolve);
      link.send(kind, id, toBytes(text));
    });
  const resolve = async (recipient: string): Promise<Resolved> =>
    JSON.parse((await ask(localFrames.resolve, recipient)).toString("latin1")) as Resolved;
  const worker = async (recipient: string): Promise<string> => {
    const answer = await resolve(recipient);
    assert.equal(answer.kind, "route", JSON.stringify(answer));
    return answer.kind === "route" ? answer.worker : "";
  };
  const exists = async (address: string): Promise<string> => (await ask(localFrames.exists, address)).toString();
  return { resolve, worker, exists };
}

/** What the worker behind a socket says; null if nobody is there. */
async function knock(path: string): Promise<Said | null> {
  const socket = await connectUnix(path);
  if (!("write" in socket)) return null;
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString()) as Said;
}

const mine = [`=me:me:${me}:${process.getgid?.()}:HOME:::`, `+me-:me:${me}:${process.getgid?.()}:HOME:-::`];
const everyone = `+:alias:${me}:7:HOME/alias:-::`;
/** A start that may serve whoever runs the tests, root too. */
const trial = { "single-uid": "1", "allow-programs": "0" };

test("RESOLVE says whose mail it is and where the worker listens; one uid has one worker", async (t) => {
  const { home, worker, resolve } = await house(t, mine, trial);
  const answer = await resolve("me-X@a.org");
  assert.ok(answer.kind === "route");
  assert.deepEqual(answer.route, { user: "me", uid: me, gid: process.getgid?.(), home, dash: "-", ext: "X" });
  const said = await knock(answer.worker);
  assert.equal(said?.uid, me);
  assert.equal(said.cwd, home);
  const trialAsRoot = root ? ["root=1"] : [];
  const ids = [`uid=${me}`, `gid=${process.getgid?.()}`];
  assert.deepEqual(said.words, ["listen-fd=3", ...ids, ...trialAsRoot, "allow-programs=0", "parent-fd=4"]);
  assert.equal(await worker("me-Y@b.org"), answer.worker);
  assert.equal((await knock(answer.worker))?.pid, said.pid);
});

test("questions that come together for one uid start one worker", async (t) => {
  const { worker, home } = await house(t, mine, trial);
  const paths = await Promise.all(Array.from({ length: 20 }, (_, i) => worker(`me-${i}@a.org`)));
  assert.equal(new Set(paths).size, 1);
  assert.equal((await readdir(join(home, "run/worker"))).length, 1);
});

test("a worker's environment holds a path and the home, nothing of ours; its umask keeps others out", async (t) => {
  process.env.QUAIL_TEST_SECRET = "secret";
  const { home, worker } = await house(t, mine, trial);
  const said = await knock(await worker("me@a.org"));
  // With one uid for all, compiled code may be kept; the worker's entry takes that out again, and what malloc is told.
  assert.deepEqual(Object.keys(said?.env ?? {}).sort(), [
    "MALLOC_ARENA_MAX",
    "NODE_COMPILE_CACHE",
    "PATH",
    "QUAIL_HOME",
  ]);
  assert.ok(said?.env.PATH?.startsWith(`${home}/bin:`));
  assert.equal(said?.env.QUAIL_HOME, home);
  assert.equal(said?.umask, 0o077);
});

test("an empty local part is done with no text; trouble is temporary in qmail's words [Q-113] [Q-130] [Q-131]", async (t) => {
  const { home, resolve } = await house(t, ["=zero:zero:0:0:/root:::"]);
  const outcome = (fate: string, text: string) => ({ kind: "outcome", fate, text });
  assert.deepEqual(await resolve("@a.org"), outcome("done", ""));
  assert.deepEqual(await resolve("zero@a.org"), outcome("temporary", "Not allowed to perform deliveries as root."));
  await writeFile(join(home, "users/cdb"), "damaged");
  assert.deepEqual(await resolve("zero@a.org"), outcome("temporary", "Trouble reading users/cdb in qmail-lspawn."));
});

test("a question too long for any address waits, and the link lives on", async (t) => {
  const { resolve, exists } = await house(t, mine, trial);
  assert.equal((await resolve(`${"a-".repeat(5_000)}@a.org`)).kind, "outcome");
  assert.equal(await exists(`${"a-".repeat(5_000)}@a.org`), "no");
  assert.equal((await resolve("me@a.org")).kind, "route");
});

test("without root only our own uid is served, and the text says why", async (t) => {
  const { resolve } = await house(t, [...mine, "=other:other:70001:70001:/home/other:::"], {
    "single-uid": "1",
    ...(root ? {} : { "allow-programs": "1" }),
  });
  assert.deepEqual(await resolve("other@a.org"), {
    kind: "outcome",
    fate: "temporary",
    text: `Quail runs as uid ${me} here and cannot deliver to user other, uid 70001. (#4.3.5)`,
  });
  const own = await resolve("me@a.org");
  // Root is nobody to deliver as, unless no program will run.
  if (root) assert.equal(own.kind === "outcome" && own.text, "Not allowed to perform deliveries as root.");
  else assert.equal(own.kind, "route");
});

test("an idle worker leaves; the next question, even before we hear of it, gets another", async (t) => {
  const { home, worker } = await house(t, mine, { ...trial, "idle-seconds": "0" });
  const first = await worker("me@a.org");
  const pid = (await knock(first))?.pid;
  // Knock until it is gone, and ask again within the second, as the queue does.
  for (let tries = 0; (await knockQuietly(first)) && tries < 5; tries++)
    await new Promise((done) => setTimeout(done, 60));
  const second = await worker("me@a.org");
  assert.notEqual(second, first);
  const said = await knock(second);
  assert.ok(said !== null && said.pid !== pid);
  assert.deepEqual(await readdir(join(home, "run/worker")), [second.slice(second.lastIndexOf("/") + 1)]);
});

const knockQuietly = async (path: string): Promise<boolean> => {
  try {
    return (await knock(path)) !== null;
  } catch {
    return false; // It hung up on us while it left.
  }
};

test("a worker that dies at its start is not started again and again; its mail waits", async (t) => {
  const { resolve, lines, worker } = await house(t, mine, { ...trial, fail: "1" });
  const path = await worker("me@a.org");
  for (let tries = 0; lines.length === 0 && tries < 100; tries++) await new Promise((done) => setTimeout(done, 50));
  assert.match(lines.join("\n"), /^local worker trouble uid=\d+ gid=\d+ reason=exit_code_1$/);
  assert.equal(await knockQuietly(path), false);
  for (let asked = 0; asked < 3; asked++)
    assert.deepEqual(await resolve("me@a.org"), {
      kind: "outcome",
      fate: "temporary",
      text: "Unable to run qmail-local.",
    });
  assert.equal(lines.length, 1);
});

test("EXISTS answers yes, no, or defer [Q-270] [Q-271]", async (t) => {
  const assign = [...mine, `+gone-:gone:${me}:7:HOME/gone:-::`, "+other-:other:70001:7:HOME/alias:-::", everyone];
  const { exists } = await house(t, assign, trial, { "alias/.qmail-postmaster": "" });
  assert.equal(await exists("postmaster@a.org"), "yes");
  assert.equal(await exists("nobody@a.org"), "no");
  assert.equal(await exists("nobody@far.net"), "yes");
  assert.equal(await exists("gone-x@a.org"), "defer");
  assert.equal(await exists("other-postmaster@a.org"), "defer");
});

test("EXISTS follows control/locals by itself; a wrong control file is said once and defers [Q-271]", async (t) => {
  const { exists, home, service, lines } = await house(t, [everyone], trial);
  assert.equal(await exists("nobody@b.org"), "yes");
  await writeFile(join(home, "control/locals"), "b.org\n");
  assert.equal(await exists("nobody@b.org"), "no");
  await mkdir(join(home, "control/virtualdomains"));
  service.reload?.();
  assert.equal(await exists("nobody@b.org"), "defer");
  assert.equal(await exists("nobody@b.org"), "defer");
  assert.match(lines.join("\n"), /^local trouble reason=unable_to_read_\S+virtualdomains:_EISDIR$/);
});

test("close ends the workers and takes their sockets away", async (t) => {
  const { home, service, worker } = await house(t, mine, trial);
  const path = await worker("me@a.org");
  assert.ok(await knock(path));
  await service.close();
  assert.equal(await knockQuietly(path), false);
  assert.deepEqual(await readdir(join(home, "run/worker")), []);
});

const two = ["=one:one:70001:70011:HOME:::", "=two:two:70002:70012:HOME:::", "=alsoone:one:70001:70001:HOME:::"];

test("a worker has its user's uid and gid and no other group [Q-135]", asRoot, async (t) => {
  const before = process.getgroups?.() ?? [];
  process.setgroups?.([...before, 70500]);
  t.after(() => process.setgroups?.(before));
  const { worker } = await house(t, two);
  for (const [recipient, uid, gid] of [
    ["one@a.org", 70001, 70011],
    ["two@a.org", 70002, 70012],
    ["alsoone@a.org", 70001, 70001],
  ] as const) {
    const said = await knock(await worker(recipient));
    assert.deepEqual([said?.uid, said?.gid, said?.groups], [uid, gid, ""], recipient);
  }
});

test("only the queue's uid may knock at a worker, only the home's group at us", asRoot, async (t) => {
  const { home, worker } = await house(t, two, { "queue-uid": "70100", gid: "70101" });
  const path = await worker("one@a.org");
  const socket = await stat(path);
  assert.deepEqual([socket.uid, socket.mode & 0o777], [70100, 0o600]);
  assert.equal((await stat(join(home, "run/worker"))).mode & 0o777, 0o711);
  const desk = await stat(join(home, "run/local"));
  assert.deepEqual([desk.uid, desk.gid, desk.mode & 0o777], [0, 70101, 0o660]);
});

test(
  "beyond control/localworkers the least recently asked for is let go; if all are in use the mail waits",
  asRoot,
  async (t) => {
    const { worker, resolve, lines } = await house(t, two, { verbose: "1" }, { "control/localworkers": "1\n" });
    const first = await worker("one@a.org");
    assert.ok(await knock(first));
    const refused = await resolve("two@a.org");
    assert.equal(refused.kind === "outcome" && refused.text, "Unable to run qmail-local.");
    assert.ok(await knock(first), "a worker just asked for stays");
    await new Promise((done) => setTimeout(done, 1_050));
    assert.equal((await knock(await worker("two@a.org")))?.uid, 70002);
    for (let tries = 0; !lines.some((line) => line.startsWith("local worker end uid=70001")) && tries < 100; tries++)
      await new Promise((done) => setTimeout(done, 50));
    assert.equal(await knockQuietly(first), false);
  },
);

test("a user who owns their home by passwd gets a worker of their own", asRoot, async (t) => {
  const { home, worker, resolve } = await house(t, []);
  await mkdir(join(home, "joe"));
  await chown(join(home, "joe"), 70003, 70003);
  await writeFile(join(home, "passwd"), `joe:x:70003:70003:Joe:${home}/joe:/bin/sh\n`);
  const said = await knock(await worker("joe-ext@a.org"));
  assert.equal(said?.uid, 70003);
  assert.equal((await resolve("joe@a.org")).kind, "route");
});

test("the real worker starts as its user and speaks to the queue first", asRoot, async (t) => {
  const { worker, lines } = await house(t, two, {}, {}, "real");
  const socket = await connectUnix(await worker("one@a.org"));
  assert.ok("write" in socket, lines.join("\n"));
  const first = await new Promise<string>((said) => {
    const link = new FrameLink(socket, { frame: ({ payload }) => said(payload.toString()), close: () => said("gone") });
    t.after(() => link.destroy());
  });
  assert.match(first, /^[0-9]+$/, lines.join("\n"));
});

test("a worker that is linked to the queue ends when the local service is killed", asRoot, async (t) => {
  const home = await mkdtemp(join(tmpdir(), "quail-local-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  await chmod(home, 0o755);
  for (const folder of ["control", "users", "alias", "run"]) await mkdir(join(home, folder), { mode: 0o755 });
  await writeFile(join(home, "control/me"), "a.org\n");
  const entries = parseAssign(`=one:one:${namelessUid}:${namelessUid}:${home}/alias:::\n.\n`);
  assert.ok(!("kind" in entries));
  await writeFile(join(home, "users/cdb"), compileAssign(entries));
  const words = [join(import.meta.dirname, "run.ts"), "local", "ready-fd=3", "nss=0"];
  const service = spawn(process.execPath, words, { cwd: home, stdio: ["ignore", "ignore", "inherit", "pipe"] });
  t.after(() => service.kill("SIGKILL"));
  await once(service.stdio[3] as Readable, "data");
  const { worker } = await asker(t, home);
  const socket = await connectUnix(await worker("one@a.org"));
  assert.ok("write" in socket);
  const closed = new Promise((done) => socket.once("close", done));
  // Its first word: it serves this link, so it is not idle.
  await once(socket, "data");
  socket.resume();
  service.kill("SIGKILL");
  await closed;
});
