import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { LogFile, wholeLines } from "./index.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "quail-log-"));
});
afterEach(() => rmSync(home, { recursive: true }));

async function until(true_: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !true_(); i++) await new Promise((wake) => setTimeout(wake, 20));
  assert.ok(true_(), "waited in vain");
}

test("lines are appended to current, and a second start goes on in the same file", async () => {
  for (const line of ["one\n", "two\n"]) {
    const log = new LogFile(join(home, "log"), assert.fail);
    log.append(Buffer.from(line));
    await log.close();
  }
  assert.equal(readFileSync(join(home, "log", "current"), "latin1"), "one\ntwo\n");
  assert.equal(statSync(join(home, "log", "current")).mode & 0o777, 0o744);
});

test("current that leads to a file elsewhere, by a link of either kind or as a pipe, is not written", async () => {
  const folder = join(home, "log");
  const elsewhere = join(home, "elsewhere");
  const plant: Readonly<Record<string, (current: string) => void>> = {
    "symbolic link": (current) => symlinkSync(elsewhere, current),
    "second name": (current) => linkSync(elsewhere, current),
    pipe: (current) => void spawnSync("mkfifo", [current]),
  };
  for (const [what, make] of Object.entries(plant)) {
    mkdirSync(folder);
    writeFileSync(elsewhere, "theirs", { mode: 0o600 });
    make(join(folder, "current"));
    const told: string[] = [];
    const log = new LogFile(folder, (sentence) => told.push(sentence), { retryMs: 20 });
    log.append(Buffer.from("ours\n"));
    await until(() => told.length === 1);
    assert.match(told[0]!, /cannot be written/, what);
    assert.equal(readFileSync(elsewhere, "latin1"), "theirs", what);
    assert.equal(statSync(elsewhere).mode & 0o777, 0o600, what);
    rmSync(join(folder, "current"));
    await until(() => told.length === 2);
    await log.close();
    assert.equal(readFileSync(join(folder, "current"), "latin1"), "ours\n", what);
    for (const path of [folder, elsewhere]) rmSync(path, { recursive: true });
  }
});

test("a full file is put aside under its moment, and only so many are kept", async () => {
  const log = new LogFile(join(home, "log"), assert.fail, { maxFileBytes: 1000, keptFiles: 3 });
  const lines = Array.from({ length: 60 }, (_, i) => `${String(i).padStart(4, "0")} ${"x".repeat(94)}\n`);
  for (const line of lines) {
    log.append(Buffer.from(line));
    await new Promise((wake) => setTimeout(wake, 2));
  }
  await log.close();
  const old = readdirSync(join(home, "log"))
    .filter((name) => name !== "current")
    .sort();
  assert.equal(old.length, 3);
  for (const name of old) assert.match(name, /^@[0-9a-f]{24}\.s$/);
  const said = [...old, "current"].filter((name) => readdirSync(join(home, "log")).includes(name));
  const kept = said.map((name) => readFileSync(join(home, "log", name), "latin1")).join("");
  assert.ok(lines.join("").endsWith(kept) && kept.length >= 3000, "the newest lines are kept, in order, none cut");
});

test("a disk that refuses does not stop the house: lines wait in memory, it is told once, and they follow", async () => {
  const folder = join(home, "log");
  writeFileSync(folder, "a file stands where the folder should be");
  const told: string[] = [];
  const log = new LogFile(folder, (sentence) => told.push(sentence), { retryMs: 20 });
  log.append(Buffer.from("one\n"));
  await until(() => told.length === 1);
  log.append(Buffer.from("two\n"));
  await new Promise((wake) => setTimeout(wake, 100));
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^the log .* cannot be written \(.*\); its lines wait in memory$/);
  rmSync(folder);
  mkdirSync(folder);
  await until(() => told.length === 2);
  await log.close();
  assert.equal(readFileSync(join(folder, "current"), "latin1"), "one\ntwo\n");
  assert.match(told[1]!, /is written again$/);
});

test("what does not fit in memory meanwhile is dropped, oldest first, and its size is told", async () => {
  const folder = join(home, "log");
  writeFileSync(folder, "");
  const told: string[] = [];
  const log = new LogFile(folder, (sentence) => told.push(sentence), { retryMs: 50, maxPendingBytes: 1000 });
  for (let i = 0; i < 100; i++) log.append(Buffer.from(`${String(i).padStart(99, "0")}\n`));
  await until(() => told.length === 1);
  for (let i = 100; i < 200; i++) log.append(Buffer.from(`${String(i).padStart(99, "0")}\n`));
  rmSync(folder);
  await until(() => told.length === 2);
  await log.close();
  const kept = readFileSync(join(folder, "current"), "latin1");
  assert.ok(kept.endsWith("199\n") && kept.length <= 2000, "the newest lines are there");
  assert.match(told[1]!, /is written again; \d+ bytes of it did not fit in memory and are lost$/);
});

test("chunks of any size come out as whole lines, nothing lost", () => {
  const chunk = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(chunk), (chunks) => {
      const given: string[] = [];
      const lines = wholeLines((whole) => given.push(whole.toString()));
      for (const one of chunks) lines.take(Buffer.from(one));
      lines.end();
      const text = chunks.join("");
      assert.equal(given.join(""), text === "" || text.endsWith("\n") ? text : `${text}\n`);
      for (const whole of given) assert.ok(whole.endsWith("\n"));
    }),
  );
});
