import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { biffText } from "./biff.ts";
import { terminalsOf, writeToTerminals } from "./terminals.ts";

const recordBytes = process.arch === "arm64" || process.arch === "riscv64" ? 400 : 384;

function utmpRecord(type: number, line: string, user: string): Buffer {
  const record = Buffer.alloc(recordBytes);
  record.writeInt16LE(type, 0);
  record.write(line, 8, 32, "latin1");
  record.write(user, 44, 32, "latin1");
  return record;
}

test("a terminal is shown a bell, to and from, and the beginning in one line; nothing that moves the cursor", () => {
  assert.equal(
    biffText("joe", "jim@a.test", "Received: x\nSubject: hello\tthere\n\nbody\nof \x1b[2Jtext\n"),
    "\r\n\x07*** TO <joe> FROM <jim@a.test>\r\nhello there body of _[2Jtext\r\n",
  );
  assert.equal(biffText("j\x1boe", "", "\nonly body"), "\r\n\x07*** TO <j_oe> FROM <>\r\nonly body\r\n");
  assert.equal(biffText("joe", "x", `Subject: a\n\n${"b".repeat(200)}`).split("\r\n")[2], `a ${"b".repeat(76)}`);
  assert.equal(biffText("joe", "x", "Subject: cut off").split("\r\n")[2], "cut off");
});

test("utmp names the terminals of a user; odd names are left alone", () => {
  const bytes = Buffer.concat([
    utmpRecord(7, "pts/0", "joe"),
    utmpRecord(7, "tty1", "ann"),
    utmpRecord(8, "pts/1", "joe"),
    utmpRecord(7, "../etc/passwd", "joe"),
    utmpRecord(7, "/etc/passwd", "joe"),
    utmpRecord(7, "pts/2", "joe"),
    utmpRecord(7, "pts/0", "joe"),
    Buffer.alloc(100),
  ]);
  assert.deepEqual(terminalsOf(bytes, "joe"), ["pts/0", "pts/2"]);
});

test("only terminals of the uid with the owner's execute bit are written to [Q-234]", (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "quail-biff-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const names = ["tty1", "tty2", "tty3", "missing"];
  const utmp = join(folder, "utmp");
  fs.writeFileSync(utmp, Buffer.concat(names.map((name) => utmpRecord(7, name, "joe"))));
  for (const [name, mode] of [
    ["tty1", 0o720],
    ["tty2", 0o620],
    ["tty3", 0o720],
  ] as const) {
    fs.writeFileSync(join(folder, name), "");
    fs.chmodSync(join(folder, name), mode);
  }
  const uid = process.getuid?.() ?? 0;
  writeToTerminals({ utmp, dev: folder, uid }, "joe", "hello");
  const written = () => names.slice(0, 3).map((name) => fs.readFileSync(join(folder, name), "latin1"));
  assert.deepEqual(written(), ["hello", "", "hello"]);
  writeToTerminals({ utmp, dev: folder, uid: uid + 1 }, "joe", "again");
  writeToTerminals({ utmp: join(folder, "none"), dev: folder, uid }, "joe", "again");
  assert.deepEqual(written(), ["hello", "", "hello"]);
});
