/** multilog between a full disk and kill -9: what was read is written once, in order, and whole. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { multiCallPath } from "#process";

const folder = mkdtempSync(join(tmpdir(), "quail-multilog-faults-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const patienceMs = 60_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMs; !holds(); ) {
    if (performance.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

function start(words: readonly string[], stdin: "pipe" | number = "pipe"): { child: ChildProcess; said: () => string } {
  const child = spawn(multiCallPath, ["multilog", ...words], { cwd: folder, stdio: [stdin, "ignore", "pipe"] });
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  return { child, said: () => said };
}

const files = (name: string): string[] => {
  const path = join(folder, name);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((file) => file.startsWith("@") || file === "current")
    .sort();
};
const whole = (name: string): string =>
  files(name)
    .map((file) => readFileSync(join(folder, name, file), "latin1"))
    .join("");

test("a disk that takes no more makes multilog wait and tell; nothing is lost when it takes again [D-076]", async (t) => {
  const { child, said } = start(["s100000", "n3", "./full"]);
  t.after(() => child.kill("SIGKILL"));
  await until("the folder is open", () => files("full").length === 1);
  const limit = (bytes: string) => spawnSync("prlimit", ["--pid", String(child.pid), `--fsize=${bytes}:`]);
  if (limit("5000").error !== undefined) return t.skip("prlimit (util-linux) is not installed");
  const lines = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join("");
  child.stdin!.end(lines);
  await until("it tells", () => said().includes("multilog: warning: unable to write to ./full/current, pausing: "));
  assert.equal(child.exitCode, null);
  assert.equal(whole("full"), lines.slice(0, 5_000));
  assert.equal(limit("unlimited").status, 0);
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.equal(whole("full"), lines);
});

test("killed at any moment, even within a rotation, it leaves whole what it has read, and the next one goes on [D-073]", async () => {
  const rounds = 8;
  let kills = 0;
  const numbers: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const input = join(folder, `round-${round}`);
    const first = round * 100_000;
    writeFileSync(input, Array.from({ length: 60_000 }, (_, i) => `${first + i}\n`).join(""));
    const { child } = start(["s4096", "n10000", "./killed"]);
    const before = files("killed").length;
    const feeder = spawn("cat", [input], { stdio: ["ignore", "pipe", "ignore"] });
    feeder.stdout.on("error", () => {});
    child.stdin!.on("error", () => {});
    feeder.stdout.pipe(child.stdin!);
    // Some files into its work it is killed, wherever it stands then.
    await until("it works", () => files("killed").length > before + 2 + round || child.exitCode !== null);
    if (child.exitCode === null && child.kill("SIGKILL")) kills++;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    feeder.kill();
  }
  assert.ok(kills > 0);
  const { child } = start(["s4096", "n10000", "./killed"]);
  child.stdin!.end();
  assert.deepEqual(await once(child, "exit"), [0, null]);
  for (const line of whole("killed").split("\n")) if (line !== "") numbers.push(Number(line));
  // In each round the lines are there from the first on, each once, in order, up to where it was killed.
  const firsts = new Set(Array.from({ length: rounds }, (_, round) => round * 100_000));
  for (const [at, number] of numbers.entries()) {
    const isFirst = firsts.has(number);
    assert.ok(isFirst || number === numbers[at - 1]! + 1 || isCut(numbers, at, firsts), `${numbers[at - 1]} ${number}`);
  }
  for (const name of readdirSync(join(folder, "killed"))) assert.match(name, /^(@.*\.[su]|current|lock|state)$/);
});

/** A line that the kill cut: a beginning of the number that was due, with the next round's first right behind it. */
function isCut(numbers: readonly number[], at: number, firsts: ReadonlySet<number>): boolean {
  const due = String(numbers[at - 1]! + 1);
  const joined = String(numbers[at]);
  for (const first of firsts) {
    const before = joined.slice(0, joined.length - String(first).length);
    if (joined.endsWith(String(first)) && due.startsWith(before)) return true;
  }
  return due.startsWith(joined);
}
