import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { maildirToMbox } from "./maildir-to-mbox.ts";
import { makeMaildir } from "./make-maildir.ts";

let folder = "";
let warnings: string[] = [];
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "maildir2mbox-"));
  makeMaildir(at("Maildir"));
  warnings = [];
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const move = (): Promise<void> =>
  maildirToMbox({
    maildir: at("Maildir"),
    mbox: at("Mailbox"),
    temporary: at("Mailbox.tmp"),
    warn: (line) => warnings.push(line),
  });

function put(path: string, text: string, seconds: number): void {
  fs.writeFileSync(at(path), text);
  fs.utimesSync(at(path), seconds, seconds);
}

test("everything moves in the order of time, with From_ lines and quoting; the Maildir is empty then [Q-179]", async () => {
  put("Mailbox", "From old Thu Jan 01 00:00:00 1970\n\nold\n\n", 1);
  put("Maildir/new/2", "Return-Path: <j o@a.test>\n\nFrom here\n", 86_400);
  put("Maildir/cur/1:2,S", "Return-Path: <>\n\nno LF", 60);
  put("Maildir/new/3", "Subject: no path\n\n>From\n", 172_800);
  put("Maildir/new/.hidden", "not mail", 1);
  await move();
  assert.equal(
    fs.readFileSync(at("Mailbox"), "latin1"),
    [
      "From old Thu Jan 01 00:00:00 1970\n\nold\n\n",
      "From MAILER-DAEMON Thu Jan 01 00:01:00 1970\nReturn-Path: <>\n\nno LF\n\n",
      "From j-o@a.test Fri Jan 02 00:00:00 1970\nReturn-Path: <j o@a.test>\n\n>From here\n\n",
      "From XXX Sat Jan 03 00:00:00 1970\nSubject: no path\n\n>From\n\n",
    ].join(""),
  );
  assert.deepEqual(fs.readdirSync(at("Maildir/new")), [".hidden"]);
  assert.deepEqual(fs.readdirSync(at("Maildir/cur")), []);
  assert.deepEqual(fs.readdirSync(folder).sort(), ["Maildir", "Mailbox"].sort());
  assert.equal(fs.statSync(at("Mailbox")).mode & 0o777, 0o600);
  assert.deepEqual(warnings, []);
});

test("an empty Maildir changes nothing, not even the missing mbox", async () => {
  await move();
  assert.deepEqual(fs.readdirSync(folder), ["Maildir"]);
});

test("a crash between the new mbox and the removal leaves duplicates, never a loss [Q-179]", async () => {
  put("Maildir/new/1", "one\n", 1);
  await move();
  put("Maildir/new/1", "one\n", 1); // As if it had not been removed.
  await move();
  assert.equal(fs.readFileSync(at("Mailbox"), "latin1").match(/^one$/gm)?.length, 2);
});

test("a file that cannot be removed is warned about", {
  skip: process.getuid?.() === 0 && "root removes it",
}, async () => {
  put("Maildir/new/1", "one\n", 1);
  fs.chmodSync(at("Maildir/new"), 0o500);
  await move();
  fs.chmodSync(at("Maildir/new"), 0o700);
  assert.deepEqual(warnings, ["new/1 will be delivered twice; unable to unlink: access denied"]);
});

test("when the copy cannot be written, mbox and Maildir stay as they are", async () => {
  put("Mailbox", "old\n", 1);
  put("Maildir/new/1", "one\n", 1);
  fs.mkdirSync(at("Mailbox.tmp"));
  await assert.rejects(move(), /unable to write to .*Mailbox\.tmp: is a directory/);
  assert.equal(fs.readFileSync(at("Mailbox"), "latin1"), "old\n");
  assert.deepEqual(fs.readdirSync(at("Maildir/new")), ["1"]);
});
