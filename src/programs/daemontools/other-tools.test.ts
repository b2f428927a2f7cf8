/** readproctitle and fghack as processes; PID 1's duty. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { multiCallPath } from "#process";
import { layServices, scratchFolder, textOf, until } from "#supervise/testing";
import { TitleWindow } from "./title-window.ts";

test("a title window keeps three dots, and what it reads moves in from the right [D-050]", () => {
  const window = new TitleWindow(10);
  assert.equal(window.text, "..........");
  window.take(Buffer.from("ab\0c"));
  assert.equal(window.text, ".......abc");
  window.take(Buffer.from("defghij"));
  assert.equal(window.text, "...defghij");
  window.take(Buffer.from("0123456789xyz"));
  assert.equal(window.text, "...6789xyz");
});

test("readproctitle shows what it reads where ps looks, and ends with its input [D-049] [D-050]", async () => {
  assert.equal(spawnSync(multiCallPath, ["readproctitle", "....", "four"]).status, 100);
  const child = spawn(multiCallPath, ["readproctitle", "service", "errors:", ".".repeat(20)], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  const gone = new Promise((done) => child.once("exit", done));
  child.stdin.write("cannot start");
  await until(() =>
    readFileSync(`/proc/${child.pid}/cmdline`, "latin1").includes("service errors: ........cannot start"),
  );
  child.stdin.end();
  assert.equal(await gone, 0);
});

test("fghack waits for what went into the background, and exits as the program did; 111 if it crashed [D-098]", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, {
    "daemon/run": "(while ! [ -e go ]; do sleep 0.05; done; echo daemon >> story) <&- >&- 2>&- & exit 7",
  });
  const child = spawn(multiCallPath, ["fghack", "daemon/run"], { cwd: folder, stdio: "ignore" });
  let code: number | null = null;
  child.once("exit", (status) => (code = status));
  await new Promise((wake) => setTimeout(wake, 300));
  assert.equal(code, null);
  layServices(folder, { go: "" });
  await until(() => code !== null);
  assert.equal(code, 7);
  assert.equal(textOf(join(folder, "story")), "daemon\n");
  const crashed = spawnSync(multiCallPath, ["fghack", "sh", "-c", "kill -9 $$"], { encoding: "utf8" });
  assert.deepEqual([crashed.status, crashed.stderr], [111, "fghack: fatal: child crashed\n"]);
});

test("pgrphack makes the program the leader of a session, in the same process [D-099]", async () => {
  const script =
    "const { pid } = process; console.log(pid, require('fs').readFileSync('/proc/self/stat', 'latin1').split(' ')[5])";
  const child = spawn(multiCallPath, ["pgrphack", process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (bytes: Buffer) => (said += bytes));
  await new Promise((done) => child.once("close", done));
  assert.equal(said, `${child.pid} ${child.pid}\n`);
});

test("svscanboot keeps services, and shows what they complain of in its name", async (t) => {
  const folder = scratchFolder(t);
  layServices(folder, { "a/run": 'echo "trouble, ${MARK-unmarked}" >&2; exec sleep 100' });
  const child = spawn(multiCallPath, ["svscanboot", folder], {
    stdio: "ignore",
    env: { ...process.env, MARK: "marked" },
  });
  const gone = new Promise((done) => child.once("exit", done));
  await until(() => textOf(`/proc/${child.pid}/cmdline`).includes("....trouble, unmarked"));
  assert.match(textOf(`/proc/${child.pid}/cmdline`), /service errors: \.{300}/);
  child.kill("SIGTERM");
  assert.equal(await gone, 0);
});

const canUnshare =
  existsSync("/usr/bin/unshare") && spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;

test("svscan as process 1 takes note of the end of orphans [D-106]", {
  skip: canUnshare ? false : "needs the right to make a PID namespace (root)",
}, async (t) => {
  const folder = scratchFolder(t);
  // The shell in between ends at once, so that its child becomes that of process 1; as long as it is a zombie it has a folder.
  const script = [
    "sh -c 'sleep 0.1 & echo $! > pid'",
    "while [ -e /proc/$(cat pid) ]; do sleep 0.1; done",
    "echo forgotten > story; exec sleep 100",
  ];
  layServices(folder, { "a/run": script.join("\n") });
  const child = spawn("unshare", ["--pid", "--fork", "--mount-proc", "--kill-child", multiCallPath, "svscan", folder], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const gone = new Promise((done) => child.once("exit", done));
  t.after(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  await until(() => textOf(join(folder, "a/story")) === "forgotten\n");
});
