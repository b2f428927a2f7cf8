import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type House, lockHolder, lockHome, type ServiceSpec, StartFailure, startHouse } from "./index.ts";

/** A service in a few lines: says `ready`, notes its life in `story`, may refuse to start. */
const serviceCode = `
  import { appendFileSync, writeSync } from "node:fs";
  import { Socket } from "node:net";
  const [name, ...words] = process.argv.slice(2);
  const option = (key) => words.find((word) => word.startsWith(key + "="))?.slice(key.length + 1);
  const note = (what) => appendFileSync("story", name + " " + what + "\\n");
  if (option("refuse") !== undefined) {
    console.log("@4000000037c219bf2ef02e94 alert: " + name + ": cannot start: " + option("refuse"));
    process.exit(111);
  }
  note("starts");
  console.log("@4000000037c219bf2ef02e94 hello from " + name);
  for (const signal of ["SIGHUP", "SIGALRM"]) process.on(signal, () => note(signal));
  process.on("SIGTERM", () => { if (option("deaf") === undefined) { note("stops"); process.exit(0); } });
  new Socket({ fd: Number(option("parent-fd")) }).on("close", () => { note("orphaned"); process.exit(0); }).resume();
  setTimeout(() => { note("is ready"); writeSync(Number(option("ready-fd")), "ready\\n"); }, Number(option("wait") ?? 0));
  setInterval(() => {}, 1000);
`;

let home = "";
let script = "";
let house: House | null = null;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "quail-house-"));
  mkdirSync(join(home, "run"));
  script = join(home, "service.mjs");
  writeFileSync(script, serviceCode);
});
afterEach(async () => {
  await house?.stop();
  house = null;
  rmSync(home, { recursive: true });
});

const spec = (name: string, ...words: readonly string[]): ServiceSpec => ({
  name,
  log: name,
  command: [process.execPath, script, name, ...words],
  cwd: home,
  env: { PATH: process.env.PATH },
  stopWithinMs: 5_000,
});
const quiet = { lines: () => {}, tell: () => {} };
const story = (): string[] => readFileSync(join(home, "story"), "latin1").trim().split("\n");
const pidOf = (name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(join(home, "run", "services"), "latin1"))?.[1]);

async function until(true_: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !true_(); i++) await new Promise((wake) => setTimeout(wake, 20));
  assert.ok(true_(), "waited in vain");
}

test("a stage starts when the one before is ready, and stages end in the order asked for", async () => {
  house = await startHouse(home, [[spec("queue", "wait=200")], [spec("smtpd")]], [1, 0], quiet);
  assert.deepEqual(story(), ["queue starts", "queue is ready", "smtpd starts", "smtpd is ready"]);
  await house.stop();
  assert.deepEqual(story().slice(4), ["smtpd stops", "queue stops"]);
  house = null;
});

test("a service's lines go to its log", async () => {
  house = await startHouse(home, [[spec("queue")]], [0], quiet);
  await house.stop();
  house = null;
  assert.equal(
    readFileSync(join(home, "log", "queue", "current"), "latin1"),
    "@4000000037c219bf2ef02e94 hello from queue\n",
  );
});

test("a service that is killed is started again, and it is said", async () => {
  const told: string[] = [];
  house = await startHouse(home, [[spec("queue")]], [0], { ...quiet, tell: (sentence) => told.push(sentence) });
  process.kill(pidOf("queue"), "SIGKILL");
  await until(() => told.length === 2);
  assert.deepEqual(told, ["queue ended (signal SIGKILL); it is started again", "queue is at work again"]);
  assert.deepEqual(story(), ["queue starts", "queue is ready", "queue starts", "queue is ready"]);
  process.kill(pidOf("queue"), 0);
});

test("a service that cannot start says why, and those already started are ended", async () => {
  await assert.rejects(
    startHouse(home, [[spec("queue")], [spec("smtpd", "refuse=port 25 is taken"), spec("local")]], [1, 0], quiet),
    (error) => error instanceof StartFailure && error.message === "smtpd cannot start: port 25 is taken",
  );
  assert.ok(story().includes("queue stops"));
});

test("a program that does not exist is a clear failure", async () => {
  const missing: ServiceSpec = { ...spec("queue"), command: ["/nowhere/node"] };
  await assert.rejects(startHouse(home, [[missing]], [0], quiet), /queue cannot start: .*ENOENT/);
});

test("signals reach the services they are meant for", async () => {
  house = await startHouse(home, [[spec("queue"), spec("smtpd")]], [0], quiet);
  house.signal("SIGALRM", ["queue"]);
  await until(() => story().length === 5);
  house.signal("SIGHUP");
  await until(() => story().length === 7);
  assert.equal(story()[4], "queue SIGALRM");
  assert.deepEqual(story().slice(5).sort(), ["queue SIGHUP", "smtpd SIGHUP"]);
});

test("a service runs as the user it is given", { skip: process.getuid?.() !== 0 && "needs root" }, async () => {
  chmodSync(home, 0o777);
  house = await startHouse(home, [[{ ...spec("queue"), user: { uid: 65525, gid: 65524 } }]], [0], quiet);
  const status = readFileSync(`/proc/${pidOf("queue")}/status`, "latin1");
  assert.match(status, /^Uid:\t65525\t65525\t65525\t65525$/m);
  assert.match(status, /^Gid:\t65524\t65524\t65524\t65524$/m);
  assert.match(status, /^Groups:\s*$/m);
});

test("a service deaf to SIGTERM is killed when its time is over", async () => {
  house = await startHouse(home, [[{ ...spec("queue", "deaf=1"), stopWithinMs: 200 }]], [0], quiet);
  const startedAt = performance.now();
  await house.stop();
  house = null;
  assert.ok(performance.now() - startedAt < 4_000);
});

test("services end when the supervisor is killed with -9, and hold its lock until they have", async () => {
  const lockPath = join(home, "run", "lock");
  const supervisor = join(home, "supervisor.mjs");
  const door = new URL("./index.ts", import.meta.url).href;
  writeFileSync(
    supervisor,
    `import { lockHome, startHouse } from ${JSON.stringify(door)};
     const lock = await lockHome(${JSON.stringify(lockPath)});
     const spec = { ...${JSON.stringify(spec("queue"))}, heldFds: [lock.fd] };
     await startHouse(${JSON.stringify(home)}, [[spec]], [0], { lines() {}, tell() {} });
     console.log("up");`,
  );
  const child = spawn(process.execPath, [supervisor], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((up) => child.stdout.once("data", up));
  assert.equal(lockHolder(lockPath), child.pid);
  assert.equal(await lockHome(lockPath), null);
  child.kill("SIGKILL");
  const lock = await lockHome(lockPath, 10_000);
  assert.notEqual(lock, null);
  assert.equal(story().at(-1), "queue orphaned");
  lock?.release();
});
