import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { runInProcess } from "#process";
import { linkedPrograms } from "../testing/linked-programs.ts";
import { main } from "./safecat.ts";
import { main as syncdir } from "./syncdir.ts";

const house = linkedPrograms([]);
const { folder, original } = house;
for (const name of ["tmp", "new"]) mkdirSync(join(folder, name));

async function run(words: readonly [string, ...string[]], stdin: Readable = Readable.from([])) {
  const index = (name: string) =>
    name === "safecat" ? async () => main : name === "syncdir" ? async () => syncdir : undefined;
  const result = await runInProcess(index, words, { env: {}, cwd: folder, stdin });
  return { code: result?.code, out: String(result?.stdout), err: String(result?.stderr) };
}

const entries = (name: string): readonly string[] => readdirSync(join(folder, name));

test("safecat prints the name of a file that is whole; tmp is empty again [M-079] [M-115]", async () => {
  const bytes = Buffer.from([...Array(100_000).keys()].map((n) => n % 256));
  const { code, out } = await run(["safecat", "tmp", "new"], Readable.from([bytes.subarray(0, 9), bytes.subarray(9)]));
  assert.equal(code, 0);
  assert.match(out, /^[0-9]+\.M[0-9]+P[0-9]+\.[^\n]+\n$/);
  const name = out.trim();
  assert.ok(name.endsWith(`.${hostname()}`));
  assert.deepEqual(readFileSync(join(folder, "new", name)), bytes);
  assert.equal(statSync(join(folder, "new", name)).mode & 0o600, 0o600);
  assert.deepEqual(entries("tmp"), []);
});

test("input that breaks off leaves nothing [M-079]", async () => {
  const before = entries("new");
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from("half");
      throw Object.assign(new Error("gone"), { code: "EIO" });
    })(),
  );
  const { code, out, err } = await run(["safecat", "tmp", "new"], broken);
  assert.equal(code, 111);
  assert.equal(out, "");
  assert.match(err, /^safecat: fatal: unable to write .*: input\/output error\n$/);
  assert.deepEqual([entries("tmp"), entries("new")], [[], before]);
});

test("wrong usage is 100, a folder that is not there 111, as with the original [M-080]", async () => {
  const rows: readonly (readonly [words: readonly [string, ...string[]], code: number, err: string])[] = [
    [["safecat"], 100, "safecat: usage: safecat <tempdir> <destdir>\n"],
    [["safecat", "none", "new"], 111, "safecat: fatal: could not stat directory: file does not exist\n"],
    [["safecat", "tmp", "none"], 111, "safecat: fatal: could not stat directory: file does not exist\n"],
  ];
  for (const [words, code, err] of rows) {
    assert.deepEqual(await run(words), { code, out: "", err });
    const theirs = original(words);
    if (theirs !== null) assert.deepEqual([theirs.code, theirs.err], [code, err]);
  }
  assert.deepEqual(entries("tmp"), []);
});

test("syncdir syncs folders, and says which it cannot", async () => {
  writeFileSync(join(folder, "file"), "");
  assert.deepEqual(await run(["syncdir", "tmp", "new"]), { code: 0, out: "", err: "" });
  assert.deepEqual(await run(["syncdir", "none", "tmp"]), {
    code: 111,
    out: "",
    err: "syncdir: fatal: unable to sync none: file does not exist\n",
  });
  assert.equal((await run(["syncdir"])).code, 100);
});
