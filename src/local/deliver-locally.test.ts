import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { type Address, expandVerp, messageInMemory, permanent, temporary } from "#mail";
import { deliverLocally } from "./deliver-locally.ts";
import { testHome } from "./testing.ts";

const did = (files: number, forwards: number, programs: number) => ({
  fate: "done" as const,
  text: `did ${files}+${forwards}+${programs}\n`,
});
const isRoot = process.getuid?.() === 0;

test("without a .qmail file the default delivery is made [Q-136]", async (t) => {
  const joe = testHome(t);
  assert.deepEqual(await joe.deliver(), did(1, 0, 0));
  assert.deepEqual(joe.mails(), ["Return-Path: <jim@a.test>\nDelivered-To: joe@host.test\nSubject: x\n\nbody\n"]);
});

test("an empty .qmail file means the default delivery, that of an extension too, x bit or not [Q-137]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "");
  joe.write(".qmail-list", "", 0o700);
  assert.deepEqual(await joe.deliver(), did(1, 0, 0));
  assert.deepEqual(await joe.deliver({ ext: "list" }), did(1, 0, 0));
  assert.equal(joe.mails().length, 2);
});

test("an extension without a file bounces [Q-138]", async (t) => {
  const joe = testHome(t);
  assert.deepEqual(await joe.deliver({ ext: "nobody" }), permanent("Sorry, no mailbox here by that name. (#5.1.1)\n"));
  assert.deepEqual(joe.mails(), []);
});

test("several default instructions run in order [Q-164]", async (t) => {
  const joe = testHome(t, { defaultDelivery: () => "|echo first >> log\n|cat log; echo second >> log\n./Mailbox\n" });
  assert.deepEqual(await joe.deliver(), { fate: "done", text: "first\ndid 1+0+2\n" });
  assert.equal(joe.read("log"), "first\nsecond\n");
  assert.match(
    joe.read("Mailbox"),
    /^From jim@a\.test Thu Jan 01 00:00:00 1970\nReturn-Path: <jim@a\.test>\nDelivered-To: /,
  );
});

test("the file is looked for hyphen by hyphen, dots as colons, in lower case [Q-139] [Q-140]", async (t) => {
  const joe = testHome(t);
  const files = [".qmail-a-b-c", ".qmail-a-b-default", ".qmail-a-default", ".qmail-default"];
  for (const file of [...files, ".qmail-a-b-default:x"]) joe.write(file, `|echo ${file}\n`);
  for (const file of files) {
    assert.equal((await joe.deliver({ ext: "a-b-c" })).text, `${file}\ndid 0+0+1\n`);
    fs.rmSync(joe.path(file));
  }
  assert.equal((await joe.deliver({ ext: "a-b-c" })).fate, "permanent");
  joe.write(".qmail-john:doe", "|echo here\n");
  joe.write(".qmail-Upper", "|echo never\n");
  assert.equal((await joe.deliver({ ext: "John.Doe" })).text, "here\ndid 0+0+1\n");
  assert.equal((await joe.deliver({ ext: "Upper" })).fate, "permanent");
});

test("a folder called .qmail-x is no .qmail file [Q-165]", async (t) => {
  const joe = testHome(t);
  fs.mkdirSync(joe.path(".qmail-x"));
  assert.equal((await joe.deliver({ ext: "x" })).text, "Sorry, no mailbox here by that name. (#5.1.1)\n");
  fs.mkdirSync(joe.path(".qmail"));
  assert.deepEqual(await joe.deliver(), did(1, 0, 0));
  joe.write(".qmail-default", "|echo default\n");
  assert.equal((await joe.deliver({ ext: "x" })).text, "default\ndid 0+0+1\n");
});

test("a .qmail file that may not be read defers", { skip: isRoot && "root may" }, async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "./Maildir/\n", 0o000);
  assert.deepEqual(await joe.deliver(), temporary("Unable to open .qmail: access denied. (#4.3.0)\n"));
});

test("a home or a .qmail file that others can write defers [Q-142]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "./Maildir/\n", 0o602);
  assert.deepEqual(await joe.deliver(), temporary("Uh-oh: .qmail file is writable. (#4.7.0)\n"));
  fs.chmodSync(joe.path(".qmail"), 0o660);
  assert.deepEqual(await joe.deliver(), did(1, 0, 0), "the group may (G42)");
  fs.chmodSync(joe.home, 0o702);
  assert.deepEqual(await joe.deliver(), temporary("Uh-oh: home directory is writable. (#4.7.0)\n"));
});

test("a sticky home defers [Q-143]", async (t) => {
  const joe = testHome(t);
  fs.chmodSync(joe.home, 0o1700);
  assert.deepEqual(
    await joe.deliver(),
    temporary("Home directory is sticky: user is editing his .qmail file. (#4.2.1)\n"),
  );
  assert.deepEqual(joe.mails(), []);
});

test("a missing home defers", async (t) => {
  const joe = testHome(t);
  fs.renameSync(joe.home, `${joe.home}-away`);
  t.after(() => fs.rmSync(`${joe.home}-away`, { recursive: true }));
  assert.deepEqual(await joe.deliver(), temporary(`Unable to switch to ${joe.home}: file does not exist. (#4.3.0)\n`));
});

test("a blank first line defers, one of blanks too; nothing is done [Q-144]", async (t) => {
  const joe = testHome(t);
  for (const first of ["", " \t"]) {
    joe.write(".qmail", `${first}\n./Maildir/\n`);
    assert.deepEqual(await joe.deliver(), temporary("Uh-oh: first line of .qmail file is blank. (#4.2.1)\n"));
  }
  assert.deepEqual(joe.mails(), []);
});

test("comments alone throw the message away [Q-145]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "# nothing\n\n#./Maildir/\n");
  assert.deepEqual(await joe.deliver(), did(0, 0, 0));
  assert.deepEqual(joe.mails(), []);
});

test("trailing blanks of a line go, a leading blank makes an address of it [Q-146]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "./Maildir/ \t\n ./Mailbox\n");
  assert.equal((await joe.deliver()).text, "did 1+1+0\nqp 1\n");
  assert.deepEqual(joe.door.posted[0]!.envelope.recipients, [" ./Mailbox"]);
});

test("many forwards are one message with all recipients, whatever else the file says [Q-151] [Q-157]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "&a@x.test\nb@x.test\n./Maildir/\n|cat > /dev/null\nc@y.test\n");
  assert.deepEqual(await joe.deliver(), { fate: "done", text: "did 1+3+1\nqp 1\n" });
  assert.deepEqual(joe.door.posted, [
    {
      envelope: { sender: "jim@a.test", recipients: ["a@x.test", "b@x.test", "c@y.test"] },
      origin: { invoker: "user", uid: 1000 },
      text: "Delivered-To: joe@host.test\nSubject: x\n\nbody\n",
    },
  ]);
});

test("a forward has Delivered-To on top and no Return-Path [Q-152]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "a@x.test\n");
  await joe.deliver({ text: "Received: one\n\nbody without LF" });
  assert.equal(joe.door.posted[0]!.text, "Delivered-To: joe@host.test\nReceived: one\n\nbody without LF");
});

test("what the queue refuses is refused here, in its words", async (t) => {
  for (const refusal of [
    temporary("qq write error or disk full (#4.3.0)"),
    permanent("qq permanent problem (#5.3.0)"),
  ]) {
    const joe = testHome(t, {}, refusal);
    joe.write(".qmail", "a@x.test\n");
    assert.deepEqual(await joe.deliver(), { ...refusal, text: `Unable to forward message: ${refusal.text}.\n` });
  }
});

test("an address that no queue takes bounces the message", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", `${"a".repeat(1100)}@x.test\n`);
  assert.deepEqual(
    await joe.deliver(),
    permanent("Unable to forward message: envelope address too long for qq (#5.1.3).\n"),
  );
});

test("the x bit, or +list, forbids files and programs but not what came before [Q-153]", async (t) => {
  const joe = testHome(t);
  const file = temporary("Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)\n");
  const program = temporary("Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)\n");
  const rows = [
    ["a@x.test\n./Maildir/\n", 0o700, file],
    ["a@x.test\n./Mailbox\n", 0o700, file],
    ["|true\n", 0o700, program],
    ["+list\na@x.test\n|true\n", 0o600, program],
    ["|echo x > done\n+list\n./Maildir/\n", 0o600, file],
  ] as const;
  for (const [text, mode, outcome] of rows) {
    joe.write(".qmail", text, mode);
    assert.deepEqual(await joe.deliver(), outcome);
  }
  assert.equal(joe.read("done"), "x\n");
  assert.deepEqual(joe.door.posted, []);
  joe.write(".qmail", "+list\na@x.test\n", 0o700);
  assert.equal((await joe.deliver()).text, "did 0+1+0\nqp 1\n");
});

test("a loop is seen by an identical Delivered-To line in the header only [Q-158]", async (t) => {
  const joe = testHome(t);
  const looping = permanent("This message is looping: it already has my Delivered-To line. (#5.4.6)\n");
  const rows = [
    ["Delivered-To: joe@host.test\n\n", looping],
    ["A: b\nDelivered-To: joe@host.test\nC: d\n\nbody\n", looping],
    ["A: b\nDelivered-To: joe@host.test\n", looping],
    ["A: b\ndelivered-to: joe@host.test\n\n", did(1, 0, 0)],
    ["Delivered-To: JOE@host.test\n\n", did(1, 0, 0)],
    ["Delivered-To: joe@host.test \n\n", did(1, 0, 0)],
    ["X-Delivered-To: joe@host.test\n\n", did(1, 0, 0)],
    ["A: b\n\nDelivered-To: joe@host.test\n", did(1, 0, 0)],
    ["\nDelivered-To: joe@host.test\n\n", did(1, 0, 0)],
  ] as const;
  for (const [text, outcome] of rows) assert.deepEqual(await joe.deliver({ text }), outcome, JSON.stringify(text));
});

test("a loop is seen in a large message too, wherever its pieces are cut [Q-158]", async (t) => {
  const joe = testHome(t);
  const bytes = Buffer.from(`${"A: b\n".repeat(20)}Delivered-To: joe@host.test\n\nbody\n`);
  for (const size of [1, 3, 7, 64, 1000]) {
    const message = {
      ...messageInMemory(bytes),
      whole: null,
      read: async (at: number, length: number) => bytes.subarray(at, at + Math.min(size, length)),
    };
    const job = { queueId: 1, bornAtMs: 0, index: 0, again: false, awaited: false, sender: "" as const, message };
    const route = { user: "joe", uid: 1000, gid: 1000, home: joe.home, dash: "", ext: "" };
    const outcome = await deliverLocally({ ...job, route, recipient: "joe@host.test" as Address }, joe.house);
    assert.equal(outcome.fate, "permanent", `${size} octets a piece`);
  }
});

test("an -owner file changes the sender of forwards, with -owner-default to one for each recipient [Q-159] [Q-160]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail-list-default", "a@x.test\nb@y.test\n");
  joe.write(".qmail-list-sub-owner", "./Maildir/\n");
  await joe.deliver({ ext: "list-sub", recipient: "joe-list-Sub@host.test" });
  assert.equal(joe.door.posted[0]!.envelope.sender, "joe-list-Sub-owner@host.test");
  joe.write(".qmail-list-sub-owner-default", "./Maildir/\n");
  await joe.deliver({ ext: "list-sub" });
  const { sender, recipients } = joe.door.posted[1]!.envelope;
  assert.equal(sender, "joe-list-sub-owner-@host.test-@[]");
  assert.deepEqual(
    recipients.map((recipient) => expandVerp(sender, recipient)),
    ["joe-list-sub-owner-a=x.test@host.test", "joe-list-sub-owner-b=y.test@host.test"],
    "what the scheduler makes of it for each",
  );
  await joe.deliver({ ext: "list-other" });
  assert.equal(joe.door.posted[2]!.envelope.sender, "jim@a.test", "the files of another extension say nothing");
});

test("the null paths are kept despite an -owner file [Q-161]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail-list", "a@x.test\n");
  joe.write(".qmail-list-owner", "");
  joe.write(".qmail-list-owner-default", "");
  for (const sender of ["", "#@[]"]) {
    await joe.deliver({ ext: "list", sender });
    assert.equal(joe.door.posted.at(-1)!.envelope.sender, sender);
  }
});

test("two lines for one Maildir are two copies; both are found by the repeated delivery", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "./Maildir/\n./Maildir/\n");
  assert.deepEqual(await joe.deliver({ queueId: 9 }), did(2, 0, 0));
  assert.deepEqual(await joe.deliver({ queueId: 9, again: true }), did(2, 0, 0));
  assert.equal(joe.mails().length, 2);
});

test("the first line that fails ends the delivery; what was done stays done (G26)", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "./Maildir/\n./None/\n./Mailbox\na@x.test\n");
  assert.deepEqual(await joe.deliver(), temporary("Unable to chdir to maildir. (#4.2.1)\n"));
  assert.equal(joe.mails().length, 1);
  assert.equal(fs.existsSync(joe.path("Mailbox")), false);
  assert.deepEqual(joe.door.posted, []);
});

test("nothing is delivered as root [Q-131]", async (t) => {
  const joe = testHome(t);
  assert.deepEqual(await joe.deliver({ uid: 0 }), temporary("Not allowed to perform deliveries as root.\n"));
  assert.deepEqual(joe.mails(), []);
});

test("a null sender is <> in Return-Path and MAILER-DAEMON in From_ [Q-167]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "./Mailbox\n");
  await joe.deliver({ sender: "" });
  assert.match(joe.read("Mailbox"), /^From MAILER-DAEMON Thu .*\nReturn-Path: <>\nDelivered-To: joe@host\.test\n/);
});

test("an LF in an address cannot add a line", async (t) => {
  const joe = testHome(t);
  await joe.deliver({ sender: 'j"\nBcc: x@a.test', recipient: "joe\nX: y@host.test" });
  assert.match(
    joe.mails()[0]!,
    /^Return-Path: <"j\\"\\_Bcc: x"@a\.test>\nDelivered-To: joe_X: y@host\.test\nSubject: x\n/,
  );
});
