import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hasSyscalls } from "#files";
import { mboxPatience } from "./locked-mbox.ts";
import { appendToMbox, type MboxEntry } from "./mbox.ts";
import { largeMessage, smallMessage } from "./testing.ts";

let folder = "";
let path = "";

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "mbox-"));
  path = `${folder}/Mailbox`;
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const fromLine = "From joe@a.test Thu Jan 01 00:00:00 1970\n";
const head = Buffer.from("Return-Path: <joe@a.test>\nDelivered-To: jim@b.test\n");
const entry = (text: string, large = false): MboxEntry => ({
  fromLine,
  head,
  message: large ? largeMessage(text) : smallMessage(text),
});
const content = (): string => fs.readFileSync(path, "latin1");
const deliver = (one: MboxEntry, patience?: { lockWaitMs: number; retryMs: number }) =>
  appendToMbox(path, "./Mailbox", one, patience);

test("an entry is From_ line, Return-Path, Delivered-To, message, empty line [Q-166] [Q-169]", async () => {
  assert.deepEqual(await deliver(entry("Subject: x\n\nbody\n")), { fate: "done", text: "" });
  assert.equal(content(), `${fromLine}${head.toString()}Subject: x\n\nbody\n\n`);
});

test("entries follow each other; From_ lines are quoted, a last line gets its LF, small or large [Q-168] [Q-169]", async () => {
  const text = "a\nFrom b\n>From c\nlast";
  await deliver(entry(text));
  await deliver(entry(text, true));
  const one = `${fromLine}${head.toString()}a\n>From b\n>>From c\nlast\n\n`;
  assert.equal(content(), one + one);
});

test("a new mbox has mode 0600 [Q-173]", async () => {
  await deliver(entry("x\n"));
  assert.equal(fs.statSync(path).mode & 0o777, 0o600);
});

test("an mbox that cannot be opened defers with the name as written and the reason", async () => {
  fs.mkdirSync(path);
  assert.deepEqual(await deliver(entry("x\n")), {
    fate: "temporary",
    text: "Unable to open ./Mailbox: is a directory. (#4.2.1)\n",
  });
  assert.deepEqual(await appendToMbox(`${folder}/none/m`, "./none/m", entry("x")), {
    fate: "temporary",
    text: "Unable to open ./none/m: file does not exist. (#4.2.1)\n",
  });
});

test("a device without room defers with the name and the reason", { skip: !fs.existsSync("/dev/full") }, async () => {
  assert.deepEqual(await appendToMbox("/dev/full", "/dev/full", entry("x\n")), {
    fate: "temporary",
    text: "Unable to write /dev/full: out of disk space. (#4.3.0)\n",
  });
});

test("a message that cannot be read leaves the mbox as it was", async () => {
  await deliver(entry("first\n"));
  const before = content();
  const message = { ...largeMessage("0123456789"), sizeBytes: 99 };
  assert.deepEqual(await deliver({ fromLine, head, message }), {
    fate: "temporary",
    text: "Unable to read message. (#4.3.0)\n",
  });
  assert.equal(content(), before);
});

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

test("when the disk is full the old length is restored [Q-172]", async () => {
  await deliver(entry("first\n"));
  const before = content();
  // A file size limit of 2048 bytes (4 blocks of 512 in dash, 1024 in others: both are less than the message).
  const script = `
    import { appendToMbox } from ${JSON.stringify(program("./mbox.ts"))};
    import { largeMessage } from ${JSON.stringify(program("./testing.ts"))};
    const message = largeMessage("line of text\\n".repeat(10000), 1000);
    const entry = { fromLine: "From x\\n", head: Buffer.from("h\\n"), message };
    console.log(JSON.stringify(await appendToMbox(process.argv[1], "./Mailbox", entry)));`;
  const { stdout } = await promisify(execFile)("/bin/sh", [
    "-c",
    `trap '' XFSZ; ulimit -f 4; exec "$0" --input-type=module -e "$1" "$2"`,
    process.execPath,
    script,
    path,
  ]);
  assert.deepEqual(JSON.parse(stdout), {
    fate: "temporary",
    text: "Unable to write ./Mailbox: file too big. (#4.3.0)\n",
  });
  assert.equal(content(), before);
});

test("an entry that a crash cut off does not swallow the next one", async () => {
  fs.writeFileSync(path, `${fromLine}half a li`);
  await deliver(entry("whole\n"));
  assert.equal(content(), `${fromLine}half a li\n\n${fromLine}${head.toString()}whole\n\n`);
});

test("fifty deliveries at once do not interleave [Q-170]", async () => {
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i}\n${`line ${i}\n`.repeat(300)}`);
  const outcomes = await Promise.all(texts.map((text, i) => deliver(entry(text, i % 2 === 0))));
  assert.ok(outcomes.every(({ fate }) => fate === "done"));
  const entries = content()
    .split(fromLine)
    .slice(1)
    .map((one) => one.slice(head.length, -1));
  assert.deepEqual(entries.sort(), texts.sort());
});

test("two processes delivering to one mbox do not interleave [Q-170]", { skip: !hasSyscalls() }, async () => {
  const script = `
    import { appendToMbox } from ${JSON.stringify(program("./mbox.ts"))};
    import { largeMessage } from ${JSON.stringify(program("./testing.ts"))};
    for (let i = 0; i < 10; i++) {
      const message = largeMessage(process.argv[2].repeat(400), 50);
      const outcome = await appendToMbox(process.argv[1], "m", { fromLine: "From x\\n", head: Buffer.from("h\\n"), message });
      if (outcome.fate !== "done") throw new Error(outcome.text);
    }`;
  const run = promisify(execFile);
  const args = ["--input-type=module", "-e", script, path];
  await Promise.all(["aaaa\n", "bbbb\n"].map((line) => run(process.execPath, [...args, line])));
  const entries = content().split("From x\nh\n").slice(1);
  assert.equal(entries.length, 20);
  for (const one of entries) assert.match(one, /^(?:(?:aaaa\n){400}|(?:bbbb\n){400})\n$/);
});

/** A process that holds a lock on the mbox until its stdin ends. */
async function holder(how: "flockFile" | "lockFile") {
  const script = `
    import { openSync } from "node:fs";
    import { ${how} } from ${JSON.stringify(program("../files/syscalls.ts"))};
    console.log(${how}(openSync(process.argv[1], "a+")));
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(said.toString(), "true\n");
  return {
    async letGo(): Promise<void> {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

for (const how of ["flockFile", "lockFile"] as const) {
  test(`an mbox that others hold by ${how} defers with the exact text, and only after 30 seconds [Q-171]`, {
    skip: !hasSyscalls(),
  }, async () => {
    assert.equal(mboxPatience.lockWaitMs, 30_000);
    fs.writeFileSync(path, "");
    const other = await holder(how);
    assert.deepEqual(await deliver(entry("x\n"), { lockWaitMs: 200, retryMs: 20 }), {
      fate: "temporary",
      text: "File has been locked for 30 seconds straight. (#4.3.0)\n",
    });
    assert.equal(content(), "");
    const waiting = deliver(entry("x\n"), { lockWaitMs: 20_000, retryMs: 20 });
    await sleep(60);
    assert.equal(content(), "");
    await other.letGo();
    assert.equal((await waiting).fate, "done");
    assert.match(content(), /^From /);
  });
}

test("an mbox that was replaced while it was held by others gets the message in the new file", {
  skip: !hasSyscalls(),
}, async () => {
  fs.writeFileSync(path, "old\n");
  const other = await holder("flockFile");
  const waiting = deliver(entry("x\n"), { lockWaitMs: 20_000, retryMs: 20 });
  await sleep(60);
  fs.writeFileSync(`${path}.new`, "new\n");
  fs.renameSync(`${path}.new`, path);
  await other.letGo();
  assert.equal((await waiting).fate, "done");
  assert.match(content(), /^new\nFrom joe/);
});
