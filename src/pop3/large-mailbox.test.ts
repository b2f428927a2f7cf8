import assert from "node:assert/strict";
import fs, { linkSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { serveMailbox } from "./mailbox-session.ts";
import { lineReader, wirePair } from "./testing.ts";

const text = "Subject: one of many\n\nbody\n";
/** ext4 gives a file no more than 65,000 names; every so many messages there is another file behind them. */
const namesPerFile = 10_000;

/** A Maildir of `count` messages in `cur`, a second apart by name; names of a few files, which takes no room and little time. */
function manyMessages(count: number): string {
  const maildir = mkdtempSync(join(tmpdir(), "quail-pop3-many-"));
  for (const part of ["tmp", "new", "cur"]) mkdirSync(join(maildir, part));
  const longAgo = Date.now() / 1000 - 3600;
  for (let n = 0; n < count; n++) {
    const first = n - (n % namesPerFile);
    const file = (of: number): string => join(maildir, "cur", `${1_700_000_000 + of}.M${of}P1.mx.test:2,S`);
    if (n > first) {
      linkSync(file(first), file(n));
      continue;
    }
    writeFileSync(file(n), text);
    utimesSync(file(n), longAgo, longAgo);
  }
  return maildir;
}

/** Logs in and asks STAT at once: what it says, and how long login and answer took together. */
async function statOf(maildir: string): Promise<{ readonly said: string | null; readonly seconds: number }> {
  const { wire, client } = wirePair(60_000);
  const next = lineReader(client);
  const began = performance.now();
  const session = serveMailbox(wire, { maildir, dialect: "classic", now: Date.now });
  client.write("STAT\r\n");
  assert.match((await next()) ?? "(closed)", /^\+OK/);
  const said = await next();
  const seconds = (performance.now() - began) / 1000;
  client.end();
  await session;
  await wire.end();
  client.destroy();
  return { said, seconds };
}

test("a Maildir of 50,000 messages answers STAT in under a second, login included", async (t) => {
  const maildir = manyMessages(50_000);
  t.after(() => rmSync(maildir, { recursive: true }));
  const { said, seconds } = await statOf(maildir);
  assert.equal(said, `+OK 50000 ${50_000 * text.length}`);
  t.diagnostic(`50,000 messages: ${seconds.toFixed(3)} s from login to the answer`);
  // The promise is a second; the guard leaves room for a machine that is busy with something else.
  assert.ok(seconds < 5, `${seconds} s`);
});

test("STAT costs one look at each message's inode and opens none, so that a large mailbox costs what a folder listing does", async (t) => {
  const maildir = manyMessages(2_000);
  t.after(() => rmSync(maildir, { recursive: true }));
  const calls = new Map<string, number>();
  const counted = <A extends readonly unknown[], R>(name: string, call: (...args: A) => R) =>
    function count(...args: A): R {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return call(...args);
    };
  // Named imports of node:fs see a replaced function once the builtin's exports are synchronized.
  for (const name of ["statSync", "lstatSync", "openSync", "readFileSync"] as const) {
    t.mock.method(fs, name, counted(name, fs[name] as (...args: readonly unknown[]) => unknown) as never);
  }
  for (const name of ["stat", "lstat", "open", "readFile", "readdir"] as const) {
    t.mock.method(fs.promises, name, counted(`promises.${name}`, fs.promises[name] as never) as never);
  }
  syncBuiltinESMExports();
  try {
    assert.equal((await statOf(maildir)).said, `+OK 2000 ${2_000 * text.length}`);
  } finally {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  }
  assert.deepEqual(Object.fromEntries(calls), { "promises.stat": 1, "promises.readdir": 3, statSync: 2_000 });
});
