import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, beforeEach, test } from "node:test";
import { multiCallPath, type Program, runInProcess } from "#process";
import { main as cyclog } from "./cyclog.ts";
import { main as logselect } from "./logselect.ts";
import { main as qfilelog } from "./qfilelog.ts";
import { main as qlogselect } from "./qlogselect.ts";
import { accustamp, tai2tai64n, tai64n2tai, tai64nunix } from "./stamps.ts";
import { main as teepipe } from "./teepipe.ts";

const root = mkdtempSync(join(tmpdir(), "quail-qlogtools-"));
after(() => rmSync(root, { recursive: true }));
let folder = "";
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});

const programs: Readonly<Record<string, Program>> = {
  accustamp,
  cyclog,
  logselect,
  qfilelog,
  qlogselect,
  tai2tai64n,
  tai64n2tai,
  tai64nunix,
  teepipe, // biome-ignore format: one list
};
const index = (name: string) => {
  const program = programs[name];
  return program === undefined ? undefined : async () => program;
};
const run = async (words: readonly [string, ...string[]], input: string | readonly string[] = "") => {
  const chunks = typeof input === "string" ? [input] : input;
  const stdin = Readable.from(chunks.filter((chunk) => chunk !== "").map((chunk) => Buffer.from(chunk, "latin1")));
  const ran = await runInProcess(index, words, { env: process.env, cwd: folder, stdin, maxOutputBytes: 1 << 20 });
  return { code: ran?.code, out: ran?.stdout.toString("latin1") ?? "", said: ran?.stderr.toString("latin1") ?? "" };
};

/** Waits until something holds. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let n = 0; n < 1200 && !holds(); n++) await new Promise((wake) => setTimeout(wake, 25));
  assert.ok(holds(), what);
}

const log = `1000.1 new msg 5
1000.2 info msg 5: bytes 20 from <Joe@b.org> qp 9 uid 10
1000.3 starting delivery 1: msg 5 to local amy@c.org
1000.3 status: local 1/10 remote 0/20
1001.0 new msg 6
1001.1 info msg 6: bytes 20 from <> qp 10 uid 10
1001.2 starting delivery 2: msg 6 to remote bob@d.org
1001.3 delivery 1: success: did_1+0+0/
1001.4 end msg 5
1002.0 delivery 2: deferral: later/
1002.1 bounce msg 6 qp 11
1002.2 end msg 6
`;
const linesOf = (text: string, ...numbers: readonly number[]): string =>
  numbers.map((number) => `${text.split("\n")[number - 1]}\n`).join("");

test("qlogselect keeps a sender's messages with their deliveries, whatever the case of letters [L-037]", async () => {
  assert.deepEqual(await run(["qlogselect", "from", "joe@.*"], log), {
    code: 0,
    out: linesOf(log, 1, 2, 3, 4, 8, 9),
    said: "",
  });
  assert.equal((await run(["qlogselect", "from", ""], log)).out, linesOf(log, 4, 5, 6, 7, 10, 11, 12));
  assert.equal((await run(["qlogselect", "from", "oe@b"], log)).out, linesOf(log, 4));
});

test("qlogselect begins and ends at a time: seconds, or a day's local midnight [L-038]", async () => {
  assert.equal((await run(["qlogselect", "start", "1001"], log)).out, linesOf(log, 5, 6, 7, 10, 11, 12));
  assert.equal((await run(["qlogselect", "end", "1001"], log)).out, linesOf(log, 1, 2, 3, 4));
  const midnight = new Date(2024, 2, 9).getTime() / 1000;
  const day = `${midnight - 1}.5 status: a\n${midnight}.0 status: b\n${midnight + 86_399}.5 status: c\n${midnight + 86_400}.5 status: d\n`;
  assert.equal((await run(["qlogselect", "start", "2024-3-9", "end", "2024-03-10"], day)).out, linesOf(day, 2, 3));
});

test("qlogselect leaves status lines out, or makes those of what it keeps [L-039]", async () => {
  assert.equal((await run(["qlogselect", "stripstatus"], log)).out, log.replace(linesOf(log, 4), ""));
  assert.equal(
    (await run(["qlogselect", "from", "", "stripstatus", "addstatus"], log)).out,
    `${linesOf(log, 5, 6, 7)}1001.2 status: status: local 0/? remote 1/?\n${linesOf(log, 10)}1002.0 status: status: local 0/? remote 0/?\n${linesOf(log, 11, 12)}`,
  );
});

test("qlogselect refuses words and times it does not know with exit code 1 [L-040]", async () => {
  assert.deepEqual(await run(["qlogselect", "frm"]), { code: 1, out: "", said: "Invalid argument 'frm'\n" });
  assert.deepEqual(await run(["qlogselect", "start", "now"]), { code: 1, out: "", said: "Invalid time: 'now'\n" });
  assert.deepEqual(await run(["qlogselect", "end", "2024-2-31"]), {
    code: 1,
    out: "",
    said: "Invalid time: '2024-2-31'\n",
  });
  assert.deepEqual(await run(["qlogselect"], "no stamp\n"), { code: 0, out: "", said: "Bad line: 'no stamp'\n" });
});

const label = (second: number): string => `@400000006553f1${second.toString(16).padStart(2, "0")}00000000`;

test("logselect gives the lines of a multilog folder from one label up to another, and those without one behind them [L-050]", async () => {
  mkdirSync(join(folder, "smtp"));
  symlinkSync("smtp", join(folder, "link"));
  writeFileSync(join(folder, "smtp", `${label(3)}.s`), `${label(1)} a\n${label(2)} b\n`);
  writeFileSync(join(folder, "smtp", `${label(6)}.s`), `${label(4)} c\nunstamped c\n${label(5)} d\nunstamped d\n`);
  writeFileSync(join(folder, "smtp", "current"), `${label(7)} e\n`);
  const select = (start: number, stop: number, dir = "link") => run(["logselect", dir, label(start), label(stop)]);
  assert.deepEqual(await select(2, 5), { code: 0, out: `${label(2)} b\n${label(4)} c\nunstamped c\n`, said: "" });
  assert.equal((await select(5, 8)).out, `${label(5)} d\nunstamped d\n${label(7)} e\n`);
  assert.equal((await select(8, 9)).out, "");
  for (const dir of ["../smtp", "smtp/", "..", ""]) {
    assert.deepEqual(await select(1, 9, dir), {
      code: 111,
      out: "",
      said: "logselect: fatal: dir must not have '/' in it.\n",
    });
  }
  assert.deepEqual(await run(["logselect", "link", label(1)]), {
    code: 111,
    out: "",
    said: "logselect: usage: logselect dir start stop\n",
  });
  assert.equal((await run(["logselect", "link", "1", "2"])).code, 111);
  assert.equal((await select(1, 2, "nothing")).code, 111);
});

test("accustamp puts seconds, a dot, six digits and a blank in front of every line [L-049]", async () => {
  const before = Date.now() / 1000 - 1;
  const { out } = await run(["accustamp"], "a\n\nlast");
  const stamps = [...out.matchAll(/^([0-9]{10}\.[0-9]{6}) (a|last|)$/gm)];
  assert.deepEqual(
    stamps.map(([, , text]) => text),
    ["a", "", "last"],
  );
  for (const [, stamp] of stamps) assert.ok(Number(stamp) > before && Number(stamp) < Date.now() / 1000 + 1);
});

test("accustamp stamps a line when its first byte comes, not when its end does [L-049]", async () => {
  const child = spawn(multiCallPath, ["accustamp"], { stdio: ["pipe", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stdin.write("a");
  await until(() => /^[0-9]+\.[0-9]{6} a$/.test(out), "the stamp is out before the line is");
  child.stdin.end("b\n");
  await once(child, "close");
  assert.match(out, /^[0-9]+\.[0-9]{6} ab\n$/);
});

test("the converters of stamps are filters [L-047] [L-048]", async () => {
  const stamped = "@400000003d6387281f8fa4ac x\nother\n";
  assert.equal((await run(["tai64nunix"], stamped)).out, "1029932830.529507500 x\nother\n");
  assert.equal((await run(["tai64n2tai"], stamped)).out, "1029932830.529507500 x\nother\n");
  assert.equal((await run(["tai2tai64n"], "1029932830.529507500 x\nother\n")).out, stamped);
});

test("qfilelog appends to its file and ends well when the input does [L-044] [L-045]", async () => {
  const path = join(folder, "log");
  assert.equal((await run(["qfilelog", "log"], "a\nb\n")).code, 0);
  assert.equal((await run(["qfilelog", "log"], "c")).code, 0);
  assert.equal(readFileSync(path, "latin1"), "a\nb\nc");
  assert.equal((await run(["qfilelog"])).code, 1);
  assert.equal((await run(["qfilelog", "empty"])).code, 0);
  assert.equal(statSync(join(folder, "empty")).size, 0);
});

test("HUP makes qfilelog open its file anew after it was renamed; TERM ends it with 0 and all that was written [L-044]", async () => {
  const path = join(folder, "log");
  const child = spawn(multiCallPath, ["qfilelog", path], { stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(child, "close");
  child.stdin.write("one\n");
  const text = (name: string): string =>
    readdirSync(folder).includes(name) ? readFileSync(join(folder, name), "latin1") : "";
  await until(() => text("log") === "one\n", "the first line is there");
  renameSync(path, join(folder, "old"));
  child.stdin.write("two\n");
  await until(() => text("old") === "one\ntwo\n", "a renamed file is written on");
  child.kill("SIGHUP");
  // The signal is heard between two lines: they go into the new file from some line on.
  let sent = 0;
  await until(() => {
    child.stdin.write(`${sent++}\n`);
    return text("log") !== "";
  }, "the file is there under its name again");
  await until(() => (text("old") + text("log")).endsWith(`\n${sent - 1}\n`), "all lines are written");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  const all = Array.from({ length: sent }, (_, n) => `${n}\n`).join("");
  assert.equal(text("old") + text("log"), `one\ntwo\n${all}`);
});

test("teepipe copies its input to a program and to its output; what the program prints goes to stderr [L-046]", async () => {
  assert.deepEqual(await run(["teepipe", "sh", "-c", "tr a-z A-Z; exit 3"], ["ab\n", "c\n"]), {
    code: 3,
    out: "ab\nc\n",
    said: "AB\nC\n",
  });
});

test("teepipe ends with 111 when the program is gone or crashes, and with 100 without one [L-046]", async () => {
  const gone = spawnSync("sh", ["-c", 'yes | "$0" teepipe true', multiCallPath], {
    timeout: 60_000,
    maxBuffer: 1 << 28,
  });
  assert.deepEqual(
    [gone.status, gone.stderr.toString()],
    [111, "teepipe: fatal: Error writing to program: broken pipe\n"],
  );
  const killed = await run(["teepipe", "sh", "-c", "cat; kill -9 $$"], "x\n");
  assert.deepEqual([killed.code, killed.out], [111, "x\n"]);
  assert.match(killed.said, /child crashed/);
  assert.deepEqual(await run(["teepipe"]), {
    code: 100,
    out: "",
    said: "teepipe: usage: teepipe program [args ...]\n",
  });
});

test("teepipe ends with 111 when its own output takes no more [L-046]", {
  skip: process.platform === "linux" ? false : "there is no /dev/full",
}, () => {
  const full = spawnSync("sh", ["-c", 'echo x | "$0" teepipe cat >/dev/full', multiCallPath], { timeout: 60_000 });
  assert.equal(full.status, 111);
  assert.match(full.stderr.toString(), /Error writing to standard out: out of disk space/);
});

test("cyclog ends files at a line's end below their size, keeps so many, and tells finished ones by their mode [L-054]", async () => {
  const lines = Array.from({ length: 300 }, (_, n) => `${String(n).padStart(5, "0")} ${"x".repeat(33)}\n`);
  const text = lines.join("");
  assert.equal(
    (await run(["cyclog", "-s1000", "-m100", "-n4", "log"], [text.slice(0, 4711), text.slice(4711)])).code,
    0,
  );
  const names = readdirSync(join(folder, "log")).sort();
  assert.equal(names.length, 4);
  for (const name of names) {
    assert.match(name, /^@[0-9a-f]{24}$/);
    const { size, mode } = statSync(join(folder, "log", name));
    assert.equal(mode & 0o777, 0o444);
    assert.ok(size <= 1000 && size % 40 === 0, `${size} bytes`);
    if (name !== names.at(-1)) assert.ok(size >= 900, `${size} bytes`);
  }
  const kept = names.map((name) => readFileSync(join(folder, "log", name), "latin1")).join("");
  assert.ok(text.endsWith(kept) && kept.length > 2700);
  assert.equal((await run(["cyclog", "-n4", "log"], "more\n")).code, 0);
  const now = readdirSync(join(folder, "log")).sort();
  assert.equal(readFileSync(join(folder, "log", now.at(-1)!), "latin1"), "more\n");
  assert.equal(now.length, 4);
});

test("cyclog's file in progress has mode 644; TERM finishes it [L-054]", async () => {
  const child = spawn(multiCallPath, ["cyclog", folder], { stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(child, "close");
  child.stdin.write("a line\n");
  const first = (): string => join(folder, readdirSync(folder)[0] ?? "none");
  await until(
    () => readdirSync(folder).length === 1 && readFileSync(first(), "latin1") === "a line\n",
    "it is written at once",
  );
  assert.equal(statSync(first()).mode & 0o777, 0o644);
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  assert.equal(statSync(first()).mode & 0o777, 0o444);
});

test("cyclog cuts a line that fits in no file, and loses nothing of it", async () => {
  assert.equal((await run(["cyclog", "-s1", "-n100", "log"], `${"y".repeat(2000)}\nz\n`)).code, 0);
  const names = readdirSync(join(folder, "log")).sort();
  const texts = names.map((name) => readFileSync(join(folder, "log", name), "latin1"));
  assert.equal(texts.join(""), `${"y".repeat(2000)}\nz\n`);
  assert.deepEqual(
    texts.slice(0, 3).map(({ length }) => length),
    [512, 512, 512],
  );
  assert.deepEqual((await run(["cyclog"])).code, 100);
  chmodSync(folder, 0o755);
});
