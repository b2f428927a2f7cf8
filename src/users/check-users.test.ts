import assert from "node:assert/strict";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkUsers } from "./check-users.ts";
import { assignIn, folderWith } from "./test-home.ts";

const said = (home: string): readonly string[] =>
  checkUsers(home, join(home, "passwd")).map(({ line, level, reason }) => `${line ?? "-"} ${level} ${reason}`);

const good = "=joe:joe:101:102:/home/joe:::\n";

test("a home without users/assign, or with a good and fresh one, has no problems", async (t) => {
  const home = await folderWith(t, {});
  assert.deepEqual(said(home), []);
  await assignIn(home, []);
  await writeFile(join(home, "users/assign"), `${good}.\n`);
  await utimes(join(home, "users/assign"), 1000, 1000);
  assert.deepEqual(said(home), []);
});

test("lines that compile but keep mail waiting, and keys said twice, are told", async (t) => {
  const home = await folderWith(t, {
    "users/assign": `${good}=root:root:0:0:/root:::\n+a-:a:x::home:-::\n=JOE:ann:1:1:/ann:::\n.\n`,
  });
  assert.deepEqual(said(home), [
    "- warning is not compiled: run qmail-newu",
    "2 error has uid 0, which gets no mail: it waits for ever",
    '3 error has "x" for a uid: its mail waits for ever',
    '3 error has "" for a gid: its mail waits for ever',
    '3 error has the home "home", which is no absolute path',
    "4 warning is overruled by line 1, which has the same key",
  ]);
});

test("without the final dot the old cdb silently stays: told", async (t) => {
  const home = await folderWith(t, { "users/assign": good });
  assert.deepEqual(said(home), [
    "2 error is not what qmail-newu takes (expected a line with a single . at the end of the file): the old cdb stays",
  ]);
});

test("a users/assign newer than its cdb, or older than the accounts, is told", async (t) => {
  const home = await folderWith(t, { "users/assign": `${good}.\n`, passwd: "" });
  await assignIn(home, []);
  await utimes(join(home, "users/cdb"), 1000, 1000);
  await utimes(join(home, "users/assign"), 2000, 2000);
  await utimes(join(home, "passwd"), 3000, 3000);
  assert.deepEqual(said(home), [
    "- warning is newer than users/cdb: run qmail-newu",
    `- warning is older than ${home}/passwd: if it comes from there, make it again`,
  ]);
});
