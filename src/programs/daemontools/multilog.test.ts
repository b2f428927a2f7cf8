import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { linkedPrograms } from "../testing/linked-programs.ts";

const house = linkedPrograms(["multilog", "tai64n", "tai64nlocal"]);
const { folder, run, original } = house;

/** Generous: the machine of the tests may be slow. */
const patienceMs = 30_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMs; !holds(); ) {
    if (performance.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

const text = (...path: string[]): string => {
  const file = join(folder, ...path);
  return existsSync(file) ? readFileSync(file, "latin1") : "";
};
const old = (name: string): string[] =>
  readdirSync(join(folder, name))
    .filter((file) => file.startsWith("@"))
    .sort();

/** A multilog that reads a pipe of ours; ended with the test. */
function started(t: TestContext, words: readonly string[]) {
  const child = spawn(join(house.bin, "multilog"), words, {
    cwd: folder,
    env: { PATH: house.path },
    stdio: ["pipe", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  t.after(() => child.kill("SIGKILL"));
  return { child, said: () => said };
}

test("without actions all input is read and nothing said [D-051]", () => {
  assert.deepEqual(run(["multilog"], "x\n".repeat(100_000)), { code: 0, signal: null, out: "", err: "" });
});

test("the same lines come out as with the original: patterns, sizes, =FILE and e [D-055] [D-056] [D-057] [D-059]", (t) => {
  if (original(["multilog"]) === null) return t.skip("daemontools is not installed");
  const input = Array.from({ length: 1_500 }, (_, i) => {
    const word = ["status: local", "delivery", "new msg", "", "a*b", "x".repeat((i * 37) % 1_500)][i % 6];
    return `${word} ${i % 6 === 3 ? "" : i}${i % 2 === 0 ? ": done" : ""}`;
  }).join("\n");
  const scripts: readonly (readonly string[])[] = [
    ["e"],
    ["-*", "+*: done", "e"],
    ["-status: *", "+* *1*:*", "e", "=st"],
    ["-*", "+a**b*", "e", "-*", "+", "e", "=st"],
    ["s4096", "n5000", "./d"],
    ["-*", "+x*", "s5000", "n3", "./d", "+*", "=st"],
  ];
  const left = (go: typeof run | typeof original, words: readonly string[]) => {
    for (const name of ["d", "st"]) rmSync(join(folder, name), { recursive: true, force: true });
    const ended = go(["multilog", ...words], input);
    const files = existsSync(join(folder, "d")) ? [...old("d"), "current"] : [];
    const kept = words.includes("n3") ? "" : files.map((file) => text("d", file)).join("");
    const modes = [
      ...new Set(files.map((file) => `${file.slice(25)} ${statSync(join(folder, "d", file)).mode.toString(8)}`)),
    ];
    // A partial last file: what is kept differs by where files were cut, so only the number is compared with n3.
    return { ended, kept, modes, count: words.includes("n3") ? files.length : 0, status: text("st") };
  };
  for (const words of scripts) assert.deepEqual(left(run, words), left(original, words), words.join(" "));
});

test("what a folder cannot be used for is told as by the original, before any input is read [D-068]", async (t) => {
  const rows: readonly (readonly [words: readonly [string, ...string[]], err: string])[] = [
    [["multilog", "./none/such"], "multilog: fatal: unable to open directory ./none/such: file does not exist\n"],
    [["multilog", "=none/such"], "multilog: fatal: unable to create none/such: file does not exist\n"],
  ];
  for (const [words, err] of rows) {
    assert.deepEqual(run(words), { code: 111, signal: null, out: "", err });
    const theirs = original(words);
    if (theirs !== null) assert.deepEqual(run(words), theirs);
  }
  const { child } = started(t, ["./held"]);
  await until("the folder is open", () => existsSync(join(folder, "held", "current")));
  const script = "(multilog ./held; echo $? >&2; cat) <lines";
  writeFileSync(join(folder, "lines"), "unread\n");
  const { stdout, stderr } = spawnSync("sh", ["-c", script], {
    cwd: folder,
    env: { PATH: house.path },
    encoding: "utf8",
  });
  assert.equal(stderr, "multilog: fatal: unable to lock directory ./held: temporary failure\n111\n");
  assert.equal(stdout, "unread\n");
  child.stdin.end();
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("TERM ends behind the line that has begun; the rest is for the next reader [D-070]", async (t) => {
  const { child } = started(t, ["./term"]);
  child.stdin.write("a\nb");
  await until("the first line is written", () => text("term", "current") === "a\n");
  child.kill("SIGTERM");
  // The wish is heard before the line goes on, or after: either way it ends there.
  child.stdin.write("c\nd\n");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.equal(text("term", "current").slice(0, 5), "a\nbc\n");
  assert.equal(statSync(join(folder, "term", "current")).mode & 0o777, 0o744);
});

test("what stands behind that line is left in the pipe, octet for octet [D-070]", async () => {
  mkdirSync(join(folder, "fifo"));
  // The shell holds the pipe: multilog has read `a`, LF and `b` when it is told to stop, and only then the rest comes.
  const script = `
    mkfifo fifo/in; exec 3<>fifo/in
    multilog ./left <&3 3<&- & pid=$!
    printf 'a\\nb' >&3
    while ! grep -q a left/current 2>/dev/null; do sleep 0.05; done
    kill -TERM $pid
    while ! grep -q '^State:.*[SZ]' /proc/$pid/status; do sleep 0.05; done
    sleep 0.3
    printf 'c\\nd\\nend\\n' >&3
    wait $pid; echo $?
    while read -r line <&3; do echo "$line"; test "$line" = end && break; done`;
  const { stdout } = spawnSync("sh", ["-c", script], {
    cwd: folder,
    env: { PATH: house.path },
    encoding: "utf8",
    timeout: 2 * patienceMs,
  });
  assert.equal(stdout, "0\nd\nend\n");
  assert.equal(text("left", "current"), "a\nbc\n");
});

test("ALRM begins a new file at once, unless current is empty [D-069]", async (t) => {
  const { child } = started(t, ["./alarm"]);
  child.stdin.write("one\n");
  await until("the line is written", () => text("alarm", "current") === "one\n");
  child.kill("SIGALRM");
  await until("the file is put away", () => old("alarm").length === 1);
  assert.equal(text("alarm", old("alarm")[0]!), "one\n");
  child.kill("SIGALRM");
  child.stdin.end("two\n");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  // The second found an empty file, or one that holds the second line.
  const all = [...old("alarm").slice(1), "current"].map((file) => text("alarm", file)).join("");
  assert.equal(all, "two\n");
  for (const file of old("alarm")) assert.notEqual(text("alarm", file), "");
});

test("tai64n stamps each line at its first byte, and leaves an unfinished line unfinished [D-080] [D-081]", async () => {
  const { out } = run(["tai64n"], "a\n\nb");
  assert.match(out, /^@4[0-9a-f]{23} a\n@4[0-9a-f]{23} \n@4[0-9a-f]{23} b$/);
  const child = spawn(join(house.bin, "tai64n"), [], { env: { PATH: house.path }, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write("a");
  // The stamp is there although the line has not ended: it cannot be that of the end.
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  assert.match(String(first), /^@4[0-9a-f]{23} a$/);
  child.stdin.end("b\n");
  const [second] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(String(second), "b\n");
});

test("tai64nlocal shows stamps as local time, and everything else as it is [D-082] [D-083] [D-084]", () => {
  const stamp = "@4000000037c219bf2ef02e94";
  const input = `${stamp} x\nplain\n@\n@zz\n${`@${"4".repeat(70)}`} y\n x ${stamp}\n${stamp}\n\r${stamp}\n${stamp}`;
  const shown = "1999-08-23 21:04:05.787492500";
  const { out, code } = run(["tai64nlocal"], input, { TZ: "US/Pacific" });
  assert.equal(out, `${shown} x\nplain\n@\n@zz\n@${"4".repeat(70)} y\n x ${stamp}\n${shown}\n\r${stamp}\n${shown}`);
  assert.equal(code, 0);
  const sound = `${stamp} x\nplain\n x ${stamp}\n${stamp}\n\r${stamp}\n`;
  const theirs = original(["tai64nlocal"], sound, { TZ: "US/Pacific" });
  if (theirs !== null) assert.deepEqual(run(["tai64nlocal"], sound, { TZ: "US/Pacific" }), theirs);
});
