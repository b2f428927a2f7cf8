/**
 * A user who plays tricks with the own Maildir: 20,000 entries in new/ and in tmp/, all of them hard links to one file, and hard links to
 * a file of somebody else. Mail arrives, POP3 serves, and what the links lead to stays as it was.
 */
import assert from "node:assert/strict";
import { chownSync, linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { House, inbox, readNew } from "../system/house.ts";
import { sendOne } from "../system/smtp-client.ts";
import { mb, open, pidsOf, watching } from "./watching.ts";

const entries = 20_000;
/** A uid that is nobody's here. */
const stranger = 70_999;
/** Long ago, as a Maildir name has it, so that no clock takes it for this very second. */
const bornAt = 1_000_000_000;

/** Delivers to the mailbox; how long it took until the log said so, in milliseconds. */
async function deliver(house: House, subject: string): Promise<number> {
  const from = house.logLines().length;
  const begun = Date.now();
  assert.equal((await sendOne(house.ports.smtp, "a@b.test", [inbox], `Subject: ${subject}\n\n`)).code, 250);
  await house.logged(/^delivery [0-9]+: success: did_1\+0\+0\/$/, 30_000, from);
  return Date.now() - begun;
}

/** A POP3 session; all that was said, and how long it took. */
async function session(house: House, password: string, commands: string): Promise<{ said: string; ms: number }> {
  const begun = Date.now();
  const socket = await open(house.ports.pop3 ?? 0);
  const pieces: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => pieces.push(bytes));
  socket.end(`USER you\r\nPASS ${password}\r\n${commands}QUIT\r\n`);
  await new Promise((done) => socket.once("close", done));
  return { said: Buffer.concat(pieces).toString("latin1"), ms: Date.now() - begun };
}

test(`${entries} hard links in new/ and as many in tmp/: mail arrives, POP3 lists and deletes, only names go`, async (t) => {
  await using house = await House.open({ pop3: true });
  const password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
  await deliver(house, "before");
  await session(house, password, "STAT\r\n"); // The process that checks passwords grows at its first one; that is not the entries' doing.
  const { uid, gid } = statSync(house.maildir);
  const original = house.path("home", "you", "original");
  writeFileSync(original, "Subject: one of many\n\nx\n", { mode: 0o600 });
  chownSync(original, uid, gid);
  for (let n = 0; n < entries; n++) {
    linkSync(original, join(house.maildir, "new", `${bornAt}.${n}.link`));
    linkSync(original, join(house.maildir, "tmp", `${bornAt}.${n}.link`));
  }
  await sleep(1_050); // What came this very second is not listed yet, and a link has its file's time.
  const growth = await watching(t, `${entries} entries`, house, async () => {
    const reading = session(house, password, `STAT\r\nDELE 1\r\nDELE 2\r\nDELE 3\r\nUIDL\r\n`);
    t.diagnostic(`a delivery beside the listing: ${await deliver(house, "beside")} ms`);
    const { said, ms } = await reading;
    t.diagnostic(`a POP3 session: ${ms} ms`);
    const listed = Number(/^\+OK ([0-9]+) [0-9]+\r$/m.exec(said)?.[1]);
    assert.ok(listed === entries + 1 || listed === entries + 2, `${listed} listed`); // "beside" may be there already.
    assert.equal(said.match(/^[0-9]+ \S+\r$/gm)?.length, listed - 3);
  });
  t.diagnostic(`a delivery afterwards: ${await deliver(house, "after")} ms`);
  assert.equal(readFileSync(original, "latin1"), "Subject: one of many\n\nx\n");
  const gone = 2 * entries + 1 - statSync(original).nlink;
  assert.ok(gone >= 1 && gone <= 3, `${gone} names went`); // Other messages may be among the three.
  assert.ok(growth < 100e6, `${mb(growth)} MB`);
});

test("a hard link to somebody else's file in new/ and tmp/ is neither read nor written nor shown; its name may go", {
  skip: process.getuid?.() === 0 ? false : "needs root (to make a file that is somebody else's)",
}, async (t) => {
  await using house = await House.open({ pop3: true });
  const password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
  await deliver(house, "before");
  if (pidsOf(house, "local-worker").some((pid) => statSync(`/proc/${pid}`).uid === 0))
    return t.skip("an unprivileged uid cannot get to this checkout, so that root delivers here");
  for (const name of readNew(house.maildir).keys()) unlinkSync(join(house.maildir, "new", name));
  const secret = house.path("home", "secret");
  writeFileSync(secret, "Subject: secret\n\nnot for you\n", { mode: 0o600 });
  chownSync(secret, stranger, stranger);
  for (const part of ["new", "tmp"]) linkSync(secret, join(house.maildir, part, `${bornAt}.1.link`));
  await sleep(1_050);
  await deliver(house, "beside the link");
  await sleep(1_050);
  const { said } = await session(
    house,
    password,
    "STAT\r\nRETR 1\r\nTOP 1 5\r\nRETR 2\r\nRETR 1\r\nDELE 1\r\nDELE 2\r\n",
  );
  assert.doesNotMatch(said, /not for you|Subject: secret/);
  assert.match(said, /Subject: beside the link/);
  assert.equal(said.match(/-ERR unable to open that message/g)?.length, 3);
  const { uid, nlink } = statSync(secret);
  assert.equal(`${uid} ${nlink}`, `${stranger} 2`);
  assert.equal(readFileSync(secret, "latin1"), "Subject: secret\n\nnot for you\n");
});
