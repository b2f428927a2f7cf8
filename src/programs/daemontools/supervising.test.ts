/** svc, svok, svstat, svup, supervise, svscan as programs; and with Debian's daemontools on the other side of the protocol. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { multiCallPath, runInProcess } from "#process";
import { findService, knockAt, renderStatus } from "#supervise/directory";
import { keep, layServices, lives, scratchFolder, statusOf, textOf, until } from "#supervise/testing";
import { findProgram } from "../index.ts";

const originals = "/usr/bin";
const needsOriginals = {
  skip: existsSync(`${originals}/svstat`) ? false : "needs Debian's package daemontools",
};

type Result = { readonly code: number | null; readonly out: string; readonly err: string };

/** One of our programs, in this process. */
async function ours(cwd: string, ...words: readonly [string, ...string[]]): Promise<Result> {
  const result = await runInProcess(findProgram, words, { env: { PATH: process.env.PATH }, cwd });
  assert.ok(result !== null, words[0]);
  return { code: result.code, out: `${result.stdout}`, err: `${result.stderr}` };
}

/** The original's, from Debian's package. */
function theirs(cwd: string, ...[name, ...args]: readonly [string, ...string[]]): Result {
  const { status, stdout, stderr } = spawnSync(`${originals}/${name}`, args, { cwd, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

/** A supervise or svscan in a process of its own; killed after the test. `told` is what it says on stderr. */
function start(t: TestContext, cwd: string, file: string, ...args: readonly string[]) {
  const child: ChildProcess = spawn(file, args, { cwd, stdio: ["ignore", "inherit", "pipe"] });
  const gone = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
  let told = "";
  child.stderr?.on("data", (bytes: Buffer) => (told += bytes));
  t.after(async () => {
    child.kill("SIGKILL");
    await gone;
    child.stderr?.destroy(); // What it started may hold the other end.
  });
  return { child, gone, told: () => told };
}

/** Ends what runs in a service directory, whoever supervises it. */
function endAfter(t: TestContext, ...directories: readonly string[]): void {
  t.after(() => {
    for (const directory of directories) {
      const pid = existsSync(join(directory, "supervise/status")) ? statusOf(directory).pid : 0;
      if (pid !== 0 && lives(pid)) process.kill(pid, "SIGKILL");
    }
  });
}

const isUp = (directory: string): boolean =>
  existsSync(join(directory, "supervise/status")) && statusOf(directory).pid !== 0;
/** Seconds may turn over between two programs. */
const still = (text: string): string => text.replace(/\d+ seconds/g, "N seconds");

test("wrong calls say how it is called, and end with 100 [D-001] [D-028]", async (t) => {
  const folder = scratchFolder(t);
  for (const [name, ...args] of [
    ["supervise"],
    ["supervise", "a", "b"],
    ["svok"],
    ["svc", "-z", "a"],
    ["svup"],
  ] as const) {
    const mine = await ours(folder, name, ...args);
    assert.equal(mine.code, 100);
    if (needsOriginals.skip === false && name !== "svup") assert.deepEqual(mine, theirs(folder, name, ...args));
  }
  assert.equal((await ours(folder, "supervise")).err, "supervise: usage: supervise dir\n");
  assert.match(
    (await ours(folder, "svc", "-z")).err,
    /^svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill$/m,
  );
});

test("a directory that is not there: supervise and svscan end with 111, svok too, svc and svstat go on [D-002] [D-029] [D-032] [D-035] [D-047]", async (t) => {
  const folder = scratchFolder(t);
  const missing = "file does not exist";
  const rows: readonly (readonly [readonly [string, ...string[]], number, string])[] = [
    [["supervise", "a"], 111, `supervise: fatal: unable to chdir to a: ${missing}\n`],
    [["svscan", "a"], 111, `svscan: fatal: unable to chdir to a: ${missing}\n`],
    [["svok", "a"], 111, `svok: fatal: unable to chdir to a: ${missing}\n`],
    [
      ["svc", "-u", "a", "b"],
      0,
      `svc: warning: unable to chdir to a: ${missing}\nsvc: warning: unable to chdir to b: ${missing}\n`,
    ],
    [["svstat", "a", "b"], 0, `a: unable to chdir: ${missing}\nb: unable to chdir: ${missing}\n`],
  ];
  for (const [words, code, text] of rows) {
    const mine = await ours(folder, ...words);
    assert.deepEqual([mine.code, mine.out + mine.err], [code, text]);
    if (needsOriginals.skip === false) assert.deepEqual(mine, theirs(folder, ...words));
  }
});

test("where no supervise is: svc warns, svok says 100, svstat tells [D-030] [D-032] [D-036] [D-037]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, {
    "new/run": "",
    "dead/run": "exec sleep 100",
    "dead/down": "",
    "short/run": "",
    "short/down": "",
  });
  for (const name of ["dead", "short"]) {
    const { keeper } = await keep(t, join(folder, name));
    if (name === "dead") keeper.hear("x");
  }
  writeFileSync(join(folder, "short/supervise/status"), renderStatus(statusOf(join(folder, "short"))).subarray(0, 17));
  const rows: readonly (readonly [readonly [string, ...string[]], number, string])[] = [
    [["svc", "-u", "dead"], 0, "svc: warning: unable to control dead: supervise not running\n"],
    [["svok", "dead"], 100, ""],
    [["svok", "new"], 100, ""],
    [["svok", "short"], 0, ""],
    [["svstat", "dead"], 0, "dead: supervise not running\n"],
    [["svstat", "new"], 0, "new: unable to open supervise/ok: file does not exist\n"],
    [["svstat", "short"], 0, "short: unable to read supervise/status: bad format\n"],
  ];
  for (const [words, code, text] of rows) {
    const mine = await ours(folder, ...words);
    assert.deepEqual([mine.code, mine.out + mine.err], [code, text]);
    if (needsOriginals.skip === false) assert.deepEqual(mine, theirs(folder, ...words));
  }
});

test("svc sends its letters in order, each once, in one write [D-031]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100", "a/down": "" });
  mkdirSync(join(folder, "a/supervise"));
  spawnSync("mkfifo", [join(folder, "a/supervise/control")]);
  // Opened for both, so that it is there to be written to and gives all that was written.
  const reader = spawn("sh", ["-c", "exec 3<>a/supervise/control; echo open; dd bs=64 count=1 <&3 2>&-"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  reader.stdout.on("data", (bytes: Buffer) => (said += bytes));
  t.after(() => void reader.kill("SIGKILL"));
  await until(() => said === "open\n");
  assert.equal((await ours(folder, "svc", "-ud", "-xu", "-d", "a")).code, 0);
  await until(() => said !== "open\n");
  assert.equal(said, "open\nudx");
});

test("svup wants the service up, and its log if one supervise has both [D-038]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const path = join(folder, "a");
  const { keeper } = await keep(t, path);
  const code = async (...args: string[]) => (await ours(folder, "svup", ...args)).code;
  assert.deepEqual(
    [await code("a"), await code("-l", "a"), await code("-L", "a"), await code("none")],
    [0, 0, 100, 111],
  );
  const one = renderStatus({ ...statusOf(path), state: "running" });
  const down = renderStatus({ ...statusOf(path), pid: 0, state: "stopped" });
  writeFileSync(join(path, "supervise/status"), Buffer.concat([one, down]));
  assert.deepEqual([await code("a"), await code("-l", "a"), await code("-L", "a")], [100, 0, 100]);
  assert.match((await ours(folder, "svstat", "a")).out, /^a: up .*, running\na log: down .*, stopped\n$/);
  writeFileSync(join(path, "supervise/status"), Buffer.concat([one, one]));
  assert.deepEqual([await code("a"), await code("-L", "a")], [0, 0]);
  keeper.hear("dx");
  await keeper.ended;
  assert.equal(await code("a"), 100);
});

test("svstat --json gives the same facts [D-107]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const { keeper } = await keep(t, join(folder, "a"));
  const [one, two] = JSON.parse((await ours(folder, "svstat", "--json", "a", "b")).out);
  const { seconds, ...rest } = one;
  assert.ok(seconds >= 0);
  const expected = { up: true, pid: keeper.pid, paused: false, wanted: "up", state: null, normallyUp: true, log: null };
  assert.deepEqual(rest, { name: "a", ...expected });
  assert.deepEqual(two, { name: "b", error: "unable to chdir: file does not exist" });
});

test(
  "Debian's svc, svok and svstat work on what our supervise keeps, and ours beside them",
  needsOriginals,
  async (t) => {
    const folder = scratchFolder(t);
    layServices(folder, { "a/run": "exec sleep 100" });
    const path = join(folder, "a");
    const { keeper } = await keep(t, path);
    const agree = async (): Promise<string> => {
      const mine = await ours(folder, "svstat", "a");
      const [one, other] = [still(mine.out), still(theirs(folder, "svstat", "a").out)];
      assert.equal(one, other);
      return one;
    };
    assert.equal(await agree(), `a: up (pid ${keeper.pid}) N seconds\n`);
    assert.equal(theirs(folder, "svok", "a").code, 0);
    theirs(folder, "svc", "-p", "a");
    await until(() => statusOf(path).paused);
    assert.equal(await agree(), `a: up (pid ${keeper.pid}) N seconds, paused\n`);
    theirs(folder, "svc", "-d", "a");
    await until(() => statusOf(path).pid === 0);
    assert.equal(await agree(), "a: down N seconds, normally up\n");
    layServices(folder, { "a/down": "" });
    theirs(folder, "svc", "-o", "a");
    await until(() => statusOf(path).pid !== 0);
    assert.equal(await agree(), `a: up (pid ${keeper.pid}) N seconds, normally down\n`);
    theirs(folder, "svc", "-dx", "a");
    await keeper.ended;
    assert.equal(await agree(), "a: supervise not running\n");
  },
);

test("our svc, svok and svstat work on what Debian's supervise keeps", needsOriginals, async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const path = join(folder, "a");
  const { gone } = start(t, folder, `${originals}/supervise`, "a");
  endAfter(t, path);
  await until(() => isUp(path));
  const agree = async (expected: string): Promise<void> => {
    assert.equal(still((await ours(folder, "svstat", "a")).out), expected);
    assert.equal(still(theirs(folder, "svstat", "a").out), expected);
  };
  await agree(`a: up (pid ${statusOf(path).pid}) N seconds\n`);
  assert.equal((await ours(folder, "svok", "a")).code, 0);
  await ours(folder, "svc", "-p", "a");
  await until(() => statusOf(path).paused);
  await ours(folder, "svc", "-o", "a");
  await until(() => statusOf(path).wanted === "once");
  await agree(`a: up (pid ${statusOf(path).pid}) N seconds, paused\n`);
  await ours(folder, "svc", "-dx", "a");
  assert.equal(await gone, 0);
  await agree("a: supervise not running\n");
});

test(
  "after kill -9 of a supervise, ours or Debian's, ours takes its service over and starts no second copy",
  needsOriginals,
  async (t) => {
    const folder = scratchFolder(t);
    layServices(folder, { "a/run": "echo $$ >> pids; exec sleep 100" });
    const path = join(folder, "a");
    for (const [file, ...args] of [
      [`${originals}/supervise`, "a"],
      [multiCallPath, "supervise", "a"],
    ] as const) {
      const first = start(t, folder, file, ...args);
      endAfter(t, path);
      const pids = textOf(join(path, "pids"));
      await until(() => textOf(join(path, "pids")) !== pids && isUp(path) && lives(statusOf(path).pid));
      const { pid } = statusOf(path);
      first.child.kill("SIGKILL");
      await first.gone;
      const { keeper } = await keep(t, path);
      assert.equal(keeper.pid, pid);
      assert.equal(textOf(join(path, "pids")).trim().split("\n").at(-1), `${pid}`);
      keeper.hear("dx");
      await keeper.ended;
      assert.ok(!lives(pid));
    }
  },
);

test("supervise as a process: a second one is refused, TERM ends the service and then it [D-003] [D-024]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const path = join(folder, "a");
  const { child, gone } = start(t, folder, multiCallPath, "supervise", "a");
  endAfter(t, path);
  await until(() => isUp(path));
  const { pid } = statusOf(path);
  assert.deepEqual(await ours(folder, "supervise", "a"), {
    code: 111,
    out: "",
    err: "supervise: fatal: unable to acquire a/supervise/lock: temporary failure\n",
  });
  if (needsOriginals.skip === false) {
    assert.deepEqual(theirs(folder, "supervise", "a").err, (await ours(folder, "supervise", "a")).err);
  }
  child.kill("SIGTERM");
  assert.equal(await gone, 0);
  assert.ok(!lives(pid));
});

test("Debian's svscan runs our supervise", needsOriginals, async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "s/a/run": "while :; do echo line; sleep 0.1; done", "s/a/log/run": "exec cat >> all" });
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "supervise"), `#!/bin/sh\nexec ${multiCallPath} supervise "$@"\n`, { mode: 0o755 });
  const services = join(folder, "s");
  const svscan = spawn(`${originals}/svscan`, [services], {
    env: { PATH: `${bin}:${process.env.PATH}` },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const gone = new Promise((done) => svscan.once("exit", done));
  t.after(async () => {
    svscan.kill("SIGKILL");
    await gone;
  });
  const directories = [join(services, "a"), join(services, "a/log")];
  endAfter(t, ...directories);
  await until(() => directories.every(isUp));
  await until(() => textOf(join(services, "a/log/all")) !== "");
  svscan.kill("SIGKILL"); // Its supervises go on, as they would there.
  await gone;
  theirs(services, "svc", "-dx", ...directories);
  await until(() => directories.every((directory) => theirs(services, "svok", directory).code === 100));
});

test("svscan killed at any moment: lock and status stay right, no service has two copies, no line is lost", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, {
    "a/run": 'echo $$ >> pids; i=0; while :; do i=$((i+1)); echo "$$ $i"; sleep 0.02; done',
    "a/log/run": 'echo $$ >> ../log-pids; while read -r line; do echo "$line" >> ../lines; done',
  });
  const path = join(folder, "a");
  endAfter(t, path, join(path, "log"));
  const startedAs = (name: string): readonly number[] => textOf(join(path, name)).trim().split("\n").map(Number);
  // Around its first start, and then later and later in its life.
  for (const killAfterMs of [0, 15, 60, 150, 400]) {
    const { child, gone } = start(t, folder, multiCallPath, "svscan", folder);
    await until(() => existsSync(join(path, "supervise/status")) && isSupervised(path));
    await new Promise((wake) => setTimeout(wake, killAfterMs));
    child.kill("SIGKILL");
    await gone;
    assert.equal(readFileSync(join(path, "supervise/status")).length, 18);
    for (const name of ["pids", "log-pids"]) {
      assert.ok(startedAs(name).filter((pid) => pid !== 0 && lives(pid)).length <= 1, `${name}: ${startedAs(name)}`);
    }
  }
  const last = start(t, folder, multiCallPath, "svscan", folder);
  await until(() => isSupervised(path) && isSupervised(join(path, "log")));
  const length = textOf(join(path, "lines")).length;
  await until(() => textOf(join(path, "lines")).length > length + 100);
  last.child.kill("SIGTERM");
  assert.equal(await last.gone, 0);
  // What each copy of the service wrote came through to its end, without a gap.
  const numbers = new Map<string, number>();
  for (const [, pid = "", number] of textOf(join(path, "lines")).matchAll(/^(\d+) (\d+)$/gm)) {
    assert.equal(Number(number), (numbers.get(pid) ?? 0) + 1, `after ${numbers.get(pid)} of ${pid}`);
    numbers.set(pid, Number(number));
  }
});

/** True if a supervise sits in this directory. */
function isSupervised(directory: string): boolean {
  const service = findService("/", directory, {});
  return !("trouble" in service) && knockAt(service) === null;
}
