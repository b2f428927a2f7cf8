import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keep, layServices, lives, scratchFolder, statusOf, textOf, until } from "../testing/index.ts";

/** A service that notes which signals reach it, and goes on. */
const listener = `
for s in HUP ALRM INT TERM QUIT USR1 USR2 WINCH; do trap "echo $s >> heard" $s; done
echo ready >> heard
while :; do sleep 0.05; done`;

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

test("supervise/ is 0700 and holds lock, control, ok and status; control and ok are FIFOs of mode 0600 [D-004] [D-005]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "exec sleep 100", down: "" });
  await keep(t, folder);
  const at = (name: string): string => join(folder, "supervise", name);
  assert.equal(modeOf(at("")), "700");
  assert.deepEqual(
    ["lock", "status", "control", "ok"].map((name) => modeOf(at(name))),
    ["600", "644", "600", "600"],
  );
  assert.ok(lstatSync(at("control")).isFIFO() && lstatSync(at("ok")).isFIFO());
});

test("with down nothing runs, and down is wanted; u starts it [D-008] [D-014]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "echo started >> story; exec sleep 100", down: "" });
  const { keeper } = await keep(t, folder);
  assert.deepEqual([statusOf(folder).pid, statusOf(folder).wanted, textOf(join(folder, "story"))], [0, "down", ""]);
  keeper.hear("u");
  await until(() => textOf(join(folder, "story")) === "started\n");
  assert.deepEqual([statusOf(folder).pid, statusOf(folder).wanted], [keeper.pid, "up"]);
});

test("run is ./run in its directory, with our environment, and starts at once [D-009] [D-010]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: 'echo "$0 $# $NAME $(pwd -P)" > seen; exec sleep 100' });
  await keep(t, folder);
  assert.equal(statusOf(folder).wanted, "up");
  await until(() => textOf(join(folder, "seen")) !== "");
  assert.equal(textOf(join(folder, "seen")), `./run 0 value ${folder}\n`);
});

test("what ends is started again, not sooner than a second after it was started [D-011]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "echo started >> story" });
  const begun = performance.now();
  await keep(t, folder);
  await until(() => textOf(join(folder, "story")).split("\n").length > 3);
  // Three starts have two seconds between them, however slow the machine is besides.
  assert.ok(performance.now() - begun >= 1_990, `${performance.now() - begun} ms`);
});

test("a run that cannot be run is said, and tried again [D-012]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "not-run": "" });
  const { said } = await keep(t, folder);
  await until(() => said.length > 1);
  assert.deepEqual(new Set(said), new Set(["supervise: fatal: unable to start d/run: file does not exist"]));
  layServices(folder, { run: "exec sleep 100" });
  await until(() => statusOf(folder).pid !== 0);
});

test("signals reach the service; p and c stop it and let it go on [D-017] [D-018]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: listener });
  const { keeper } = await keep(t, folder);
  const heard = (): string => textOf(join(folder, "heard"));
  await until(() => heard() === "ready\n");
  const { pid } = keeper;
  let expected = "ready\n";
  for (const [command, name] of Object.entries({ h: "HUP", a: "ALRM", i: "INT", t: "TERM", q: "QUIT", 1: "USR1" })) {
    keeper.hear(command);
    expected += `${name}\n`;
    await until(() => heard() === expected, `${name} after ${heard()}`);
  }
  const state = (): string | undefined => /^State:\t(.)/m.exec(textOf(`/proc/${pid}/status`))?.[1];
  keeper.hear("p");
  await until(() => state() === "T");
  assert.equal(statusOf(folder).paused, true);
  keeper.hear("c");
  await until(() => state() !== "T");
  assert.equal(statusOf(folder).paused, false);
  keeper.hear("k");
  await until(() => !lives(pid));
});

test("a service that is killed is started again as long as it is wanted [D-019]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "exec sleep 100" });
  const { keeper } = await keep(t, folder);
  const first = keeper.pid;
  keeper.hear("k");
  await until(() => keeper.pid !== first && keeper.pid !== 0);
  assert.ok(!lives(first) && lives(keeper.pid));
});

test("d sends TERM and CONT, also to what is paused, and nothing starts again [D-013]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: 'trap "echo TERM >> story; exit" TERM; echo up >> story; while :; do sleep 0.05; done' });
  const { keeper } = await keep(t, folder);
  await until(() => textOf(join(folder, "story")) === "up\n");
  keeper.hear("p");
  keeper.hear("d");
  await until(() => keeper.pid === 0);
  assert.equal(textOf(join(folder, "story")), "up\nTERM\n");
  assert.deepEqual([statusOf(folder).wanted, statusOf(folder).pid], ["down", 0]);
  await new Promise((wake) => setTimeout(wake, 1_200));
  assert.equal(textOf(join(folder, "story")), "up\nTERM\n");
});

test("o starts it once; nothing is wanted any more, and a running one is left alone [D-015] [D-016]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "echo up >> story; exec sleep 100", down: "" });
  const { keeper } = await keep(t, folder);
  keeper.hear("o");
  await until(() => textOf(join(folder, "story")) === "up\n");
  const { pid } = keeper;
  assert.deepEqual([statusOf(folder).pid, statusOf(folder).wanted], [pid, "once"]);
  keeper.hear("o");
  assert.equal(keeper.pid, pid);
  keeper.hear("k");
  await until(() => keeper.pid === 0);
  await new Promise((wake) => setTimeout(wake, 1_200));
  assert.equal(textOf(join(folder, "story")), "up\n");
});

test("x ends the keeper when nothing runs, else when it has ended [D-020]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "down/run": "", "down/down": "", "up/run": "exec sleep 100" });
  const { keeper: idle } = await keep(t, join(folder, "down"));
  idle.hear("x");
  await idle.ended;
  const { keeper: busy } = await keep(t, join(folder, "up"));
  const { pid } = busy;
  let hasEnded = false;
  void busy.ended.then(() => (hasEnded = true));
  busy.hear("x");
  await new Promise((wake) => setTimeout(wake, 100));
  assert.ok(!hasEnded && lives(pid));
  busy.hear("t");
  await busy.ended;
  assert.ok(!lives(pid));
});

test("dx ends the service and then the keeper; signals with nothing running do nothing [D-021] [D-022]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "exec sleep 100" });
  const { keeper } = await keep(t, folder);
  const { pid } = keeper;
  keeper.hear("dx");
  await keeper.ended;
  assert.ok(!lives(pid));
  const { keeper: next } = await keep(t, folder);
  next.hear("d");
  await until(() => next.pid === 0);
  next.hear("haitk+pc");
  assert.equal(statusOf(folder).pid, 0);
});

test("a directory that is removed and made anew does not disturb its service [D-023]", async (t) => {
  const folder = scratchFolder(t);
  const path = join(folder, "a");
  layServices(folder, { "a/run": "echo up > ../up; exec sleep 100" });
  const { keeper } = await keep(t, path);
  await until(() => existsSync(join(folder, "up"))); // Before that, its script would go with the directory.
  const { pid } = keeper;
  rmSync(path, { recursive: true });
  mkdirSync(path);
  keeper.hear("p");
  keeper.hear("c");
  assert.ok(lives(pid) && keeper.pid === pid);
});

test("a directory that is renamed stays the same", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": "exec sleep 100" });
  const { keeper } = await keep(t, join(folder, "a"));
  renameSync(join(folder, "a"), join(folder, "b"));
  const first = keeper.pid;
  keeper.hear("k");
  await until(() => keeper.pid !== first && keeper.pid !== 0);
  assert.equal(statusOf(join(folder, "b")).pid, keeper.pid);
});

test("exit code 100 means: not again [D-025]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "echo up >> story; exit 100" });
  const { keeper } = await keep(t, folder);
  await until(() => keeper.pid === 0 && statusOf(folder).wanted === "down");
  await new Promise((wake) => setTimeout(wake, 1_200));
  assert.equal(textOf(join(folder, "story")), "up\n");
});

test("./start, ./run and ./stop run in order, and ./notify hears of each with its arguments [D-026]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, {
    start: "echo start >> story",
    run: "echo run >> story; exec sleep 100",
    stop: "echo stop >> story; exit 3",
    notify: 'echo "$1 $2 $4" >> notices',
  });
  const { keeper } = await keep(t, folder);
  const story = (): string => textOf(join(folder, "story"));
  const notices = (): string[] => textOf(join(folder, "notices")).trim().split("\n");
  await until(() => story() === "start\nrun\n");
  assert.equal(statusOf(folder).state, "running");
  keeper.hear("d");
  await until(() => statusOf(folder).state === "stopped");
  assert.equal(story(), "start\nrun\nstop\n");
  // The notes are written by processes of their own.
  await until(() => notices().length === 6);
  assert.deepEqual(notices().sort(), [
    "run killed 15",
    "run start 0",
    "start exit 0",
    "start start 0",
    "stop exit 3",
    "stop start 0",
  ]);
  keeper.hear("u");
  await until(() => story() === "start\nrun\nstop\nstart\nrun\n");
});

test("a start that fails leaves the service failed, down and unstarted [D-026]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { start: "exit 1", run: "echo run >> story" });
  await keep(t, folder);
  await until(() => statusOf(folder).state === "failed");
  assert.deepEqual([statusOf(folder).wanted, textOf(join(folder, "story"))], ["down", ""]);
});

test("a service that says it is ready on its notification-fd is starting until then [D-105]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, {
    run: "while ! [ -e go ]; do sleep 0.05; done; echo >&4; exec sleep 100",
    "notification-fd": "4\n",
  });
  await keep(t, folder);
  assert.equal(statusOf(folder).state, "starting");
  layServices(folder, { go: "" });
  await until(() => statusOf(folder).state === "running");
  assert.equal(JSON.parse(textOf(join(folder, "supervise", "status.json"))).ready, true);
});

test("status.json says what the bytes say [D-107]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "exec sleep 100" });
  const { keeper } = await keep(t, folder);
  for (const command of ["p", "c", "d"]) {
    keeper.hear(command);
    if (command === "d") await until(() => keeper.pid === 0);
    const { pid, paused, wanted, seconds } = statusOf(folder);
    const json = JSON.parse(textOf(join(folder, "supervise", "status.json")));
    assert.deepEqual(
      [json.pid ?? 0, json.paused, json.wanted, Math.floor(Date.parse(json.since) / 1000)],
      [pid, paused, wanted, seconds],
    );
  }
});

test("no reader ever sees half a status [D-007]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "exec sleep 100" });
  const { keeper } = await keep(t, folder);
  const path = join(folder, "supervise", "status");
  const inodes = new Set<number>();
  for (let i = 0; i < 100; i++) {
    keeper.hear(i % 2 === 0 ? "p" : "c");
    assert.equal(readFileSync(path).length, 18);
    inodes.add(statSync(path).ino);
  }
  assert.ok(inodes.size > 1, "each is a file of its own, put in its place as a whole");
});

test("+ sends a signal to the whole process group", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { run: "sleep 100 & echo $! > child; wait" });
  const { keeper } = await keep(t, folder);
  await until(() => textOf(join(folder, "child")) !== "");
  const child = Number(textOf(join(folder, "child")));
  keeper.hear("+k");
  await until(() => !lives(child));
});
