/** multipipe and spipe with real services under our own supervise. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { multiCallPath } from "#process";

const root = mkdtempSync(join(tmpdir(), "quail-log-pipes-"));
const started: ChildProcess[] = [];
const folders: string[] = [];
after(() => {
  for (const child of started) child.kill("SIGKILL");
  // Supervises outlive whoever started them: none may stay, whatever became of a test.
  if (folders.length > 0) spawnSync(multiCallPath, ["svc", "-dx", ...folders], { stdio: "ignore", timeout: 20_000 });
  rmSync(root, { recursive: true, force: true });
});

function service(folder: string, name: string, script: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "run"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(path, "run"), 0o755);
  folders.push(path);
  return path;
}

function start(...words: readonly string[]): ChildProcess {
  const child = spawn(multiCallPath, words, { stdio: ["pipe", "inherit", "inherit"] });
  started.push(child);
  return child;
}

const text = (path: string): string => (existsSync(path) ? readFileSync(path, "latin1") : "");

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let n = 0; n < 2400 && !holds(); n++) await new Promise((wake) => setTimeout(wake, 25));
  assert.ok(holds(), what);
}

test("multipipe gives every service a copy, takes new ones in, and brings all down when its input ends [L-041] [L-042]", async () => {
  const folder = join(root, "many");
  const one = service(folder, "one", "exec cat >> kept");
  const two = service(folder, "two", "exec cat >> kept");
  service(folder, ".hidden", "exec cat >> kept");
  const pipe = start("multipipe", folder);
  const ended = once(pipe, "exit");
  pipe.stdin?.write("first\n");
  await until(
    () => text(join(one, "kept")) === "first\n" && text(join(two, "kept")) === "first\n",
    "both have the first line",
  );
  const three = service(folder, "three", "exec cat >> kept");
  await until(() => existsSync(join(three, "supervise")), "a new folder has its supervise");
  pipe.stdin?.write("second\n");
  await until(() => text(join(three, "kept")) === "second\n", "the new one has what came since");
  pipe.stdin?.end("third\n");
  assert.deepEqual(await ended, [0, null]);
  assert.equal(text(join(one, "kept")), "first\nsecond\nthird\n");
  assert.equal(text(join(three, "kept")), "second\nthird\n");
  assert.ok(!existsSync(join(folder, ".hidden", "supervise")));
});

test("multipipe told to end brings its services down and ends with 0 [L-042]", async () => {
  const folder = join(root, "told");
  const one = service(folder, "one", "exec cat >> kept");
  const pipe = start("multipipe", folder);
  const ended = once(pipe, "exit");
  pipe.stdin?.write("first\n");
  await until(() => text(join(one, "kept")) === "first\n", "it runs");
  pipe.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
});

test("spipe starts a pipeline from its end, and stops it from its begin; data flows through [L-043]", async () => {
  const folder = join(root, "pipeline");
  const order = join(folder, "order");
  const said = (what: string): string => `echo ${what} >> ${order}`;
  // A background command of a shell has no input of its own: it takes ours by another number.
  const part = (name: string, command: string): string =>
    service(
      folder,
      name,
      `exec 3<&0\n${command} <&3 &\nchild=$!\ntrap '${said(`stop-${name}`)}; kill $child; exit 0' TERM\n${said(`start-${name}`)}\nwait $child\n${said(`stop-${name}`)}`,
    );
  const first = part("first", "sed -u s/$/./");
  const last = part("last", "cat >> kept");
  const pipe = start("spipe", first, last);
  const ended = once(pipe, "exit");
  await until(() => text(order).split("\n").length === 3, "both have started");
  pipe.stdin?.write("a\nb\n");
  await until(() => text(join(last, "kept")) === "a.\nb.\n", "the lines went through both");
  pipe.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  const stops = text(order)
    .split("\n")
    .filter((line) => line.startsWith("stop"));
  assert.deepEqual(stops, ["stop-first", "stop-last"]);
});
