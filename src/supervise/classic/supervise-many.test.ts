import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { layServices, lives, scratchFolder, statusOf, textOf, until } from "../testing/index.ts";
import { type ScanParts, type Supervision, superviseMany } from "./supervise-many.ts";

/** An svscan on a folder, its services ended after the test. */
async function scan(
  t: TestContext,
  directory: string,
  more: Partial<ScanParts> = {},
): Promise<{ readonly supervision: Supervision; readonly said: string[] }> {
  const said: string[] = [];
  const supervision = await superviseMany({
    directory,
    env: { PATH: process.env.PATH },
    stdin: "ignore",
    stdout: 2,
    stderr: 2,
    say: (line) => said.push(line),
    scanEveryMs: 100,
    ...more,
  });
  t.after(async () => {
    supervision.command("dx+k");
    await supervision.stop();
  });
  return { supervision, said };
}

const pidOf = (directory: string): number => statusOf(directory).pid;
const isUp = (directory: string): boolean => {
  try {
    return pidOf(directory) !== 0;
  } catch {
    return false;
  }
};

/** A service that writes a number a moment, counting on where the last one stopped; its log adds what it reads to `all`. */
const counting = {
  "a/run": 'i=$(cat n 2>/dev/null || echo 0); while :; do i=$((i+1)); echo "$i" > n; echo "line $i"; sleep 0.02; done',
  // A line at a time, so that none is in its own memory when it is killed.
  "a/log/run": 'while read -r line; do echo "$line" >> ../all; done',
};

/** The numbers that came through, which must be all there are, but for one in the hands of each process that was killed. */
function assertNoneLost(path: string, kills: number): void {
  const numbers = [...textOf(path).matchAll(/^line (\d+)$/gm)].map((match) => Number(match[1]));
  const seen = new Set(numbers);
  const last = Math.max(...numbers);
  const missing = Array.from({ length: last }, (_, i) => i + 1).filter((number) => !seen.has(number));
  assert.ok(missing.length <= kills, `lines are missing: ${missing}`);
}

test("each directory is a service, new ones are found, those with a dot are not [D-039] [D-040]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100", ".b/run": "exec sleep 100", file: "" });
  await scan(t, folder);
  await until(() => isUp(join(folder, "a")));
  layServices(folder, { "c/run": "exec sleep 100" });
  await until(() => isUp(join(folder, "c")));
  assert.equal(isUp(join(folder, ".b")), false);
});

test("a renamed directory keeps its service, and its log too [D-041]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100", "a/log/run": "exec cat" });
  const { supervision } = await scan(t, folder);
  await until(() => isUp(join(folder, "a")) && isUp(join(folder, "a/log")));
  const pids = [pidOf(join(folder, "a")), pidOf(join(folder, "a/log"))];
  renameSync(join(folder, "a"), join(folder, "b"));
  await supervision.look();
  await supervision.look();
  assert.deepEqual(supervision.services(), [{ name: "b", pids }]);
  assert.ok(pids.every(lives));
});

test("no line is lost when the service or its log is started again [D-042]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, counting);
  await scan(t, folder);
  const all = join(folder, "a", "all");
  for (const [place, lines] of [
    ["a/log", 20],
    ["a", 40],
    ["a/log", 60],
  ] as const) {
    await until(() => textOf(all).split("\n").length > lines);
    process.kill(pidOf(join(folder, place)), "SIGTERM");
  }
  await until(() => textOf(all).split("\n").length > 100);
  assertNoneLost(all, 3);
});

test("a removed directory's service is left alone, and forgotten when it has ended [D-043]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const { supervision } = await scan(t, folder);
  await until(() => isUp(join(folder, "a")));
  const pid = pidOf(join(folder, "a"));
  renameSync(join(folder, "a"), join(folder, ".gone"));
  await supervision.look();
  await supervision.look();
  assert.ok(lives(pid));
  supervision.command("dx");
  await until(() => supervision.services().length === 0);
  assert.ok(!lives(pid));
});

test("who was told to exit is back with the next look, as long as the directory is there [D-044]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const { supervision } = await scan(t, folder);
  await until(() => isUp(join(folder, "a")));
  const first = pidOf(join(folder, "a"));
  supervision.command("dx");
  await until(() => isUp(join(folder, "a")) && pidOf(join(folder, "a")) !== first);
});

test("the 1001st service is refused with a warning [D-045]", async (t) => {
  const folder = scratchFolder(t);
  for (let i = 0; i <= 1000; i++) mkdirSync(join(folder, `${i}`.padStart(4, "0")));
  // State that is nobody's: none of them comes to life, so that a thousand need no process.
  const env = { PATH: process.env.PATH, SUPERVISEDIR: "/nowhere/at/all" };
  const { said } = await scan(t, folder, { env, scanEveryMs: 100_000 });
  assert.deepEqual(
    said.filter((line) => line.startsWith("svscan: ")),
    ["svscan: warning: unable to start 1000: running too many services"],
  );
});

test("a name as long as a disk allows has its log", async (t) => {
  const folder = scratchFolder(t);
  // 255 bytes. What the original does with longer ones nobody will see where names end there.
  const name = "n".repeat(255);
  layServices(folder, { [`${name}/run`]: "exec sleep 100", [`${name}/log/run`]: "exec cat" });
  const { supervision } = await scan(t, folder);
  await until(() => isUp(join(folder, name, "log")));
  assert.equal(supervision.services()[0]?.pids.length, 2);
});

test("the end comes to services first and then to their logs [D-048]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, {
    "a/run": 'trap "sleep 0.3; echo last; echo service >> ../order; exit" TERM; echo up; while :; do sleep 0.02; done',
    "a/log/run":
      'trap "echo log >> ../../order; exit" TERM; while :; do read -r l && echo $l >> ../../lines; sleep 0.02; done',
  });
  const { supervision } = await scan(t, folder);
  await until(() => textOf(join(folder, "lines")) === "up\n");
  await supervision.stop();
  assert.equal(textOf(join(folder, "order")), "service\nlog\n");
  assert.deepEqual(supervision.services(), []);
});

test("a directory that another supervises is left to it, and taken when it is free [D-003]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const { supervision: first } = await scan(t, folder);
  await until(() => isUp(join(folder, "a")));
  const { said, supervision: second } = await scan(t, folder);
  assert.deepEqual(said.slice(0, 1), ["supervise: fatal: unable to acquire a/supervise/lock: temporary failure"]);
  await first.stop();
  await until(() => second.services().some(({ pids }) => pids[0] !== 0));
});

test("who takes over from one that was abandoned finds its services at work, and starts no second copy", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, counting);
  const { supervision: first } = await scan(t, folder);
  const all = join(folder, "a", "all");
  await until(() => textOf(all).split("\n").length > 10);
  const before = [pidOf(join(folder, "a")), pidOf(join(folder, "a", "log"))];
  first.abandon(); // As after kill -9: nobody watches.
  assert.ok(before.every(lives));
  const { supervision } = await scan(t, folder);
  assert.deepEqual(supervision.services(), [{ name: "a", pids: before }]);
  // Either of them is started again when it ends, on the same pipe.
  for (const place of ["a/log", "a"]) {
    const pid = pidOf(join(folder, place));
    const length = textOf(all).length;
    process.kill(pid, "SIGTERM");
    await until(() => isUp(join(folder, place)) && pidOf(join(folder, place)) !== pid);
    await until(() => textOf(all).length > length + 50);
  }
  assertNoneLost(all, 2);
});

test("a process number that passed to a stranger is not taken for the service", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const { supervision: first } = await scan(t, folder);
  await until(() => isUp(join(folder, "a")));
  const old = pidOf(join(folder, "a"));
  first.abandon();
  const json = join(folder, "a", "supervise", "status.json");
  const told = readFileSync(json, "utf8");
  rmSync(json);
  layServices(folder, { "a/supervise/status.json": told.replace(/("life":"\S+) \d+/, "$1 1") });
  await scan(t, folder);
  const now = pidOf(join(folder, "a"));
  assert.ok(now !== old && lives(now));
  process.kill(old, "SIGKILL");
});
