import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { runInProcess } from "#process";
import { findProgram } from "../index.ts";
import { queueProgram } from "../testing/queue-program.ts";

const message = "Subject: x\n\nbody\nno LF";

/** Runs one of our programs with a message on stdin; exit code and what it said on both streams. */
async function run(
  words: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
  input = message,
  cwd = tmpdir(),
): Promise<{ readonly code: number; readonly said: string }> {
  const stdin = Readable.from([Buffer.from(input, "latin1")]);
  const result = await runInProcess(findProgram, words, {
    env: { PATH: process.env.PATH, QUAIL_HOME: tmpdir(), ...env },
    cwd,
    stdin,
  });
  assert.ok(result !== null);
  return { code: result.code, said: result.output.toString("latin1") };
}

const delivery = {
  SENDER: "jim@a.test",
  NEWSENDER: "list-owner@b.test",
  DTLINE: "Delivered-To: joe@b.test\n",
  RPLINE: "Return-Path: <jim@a.test>\n",
  UFLINE: "From jim@a.test Thu Jan 01 00:00:00 1970\n",
};

function without(name: keyof typeof delivery): NodeJS.ProcessEnv {
  const { [name]: _gone, ...rest } = delivery;
  return rest;
}

test("forward queues the message from NEWSENDER with DTLINE on top [Q-228]", async (t) => {
  const queue = queueProgram(t);
  const { code, said } = await run(["forward", "a@x.test", "b@x.test"], { ...delivery, QMAILQUEUE: queue.path });
  assert.equal(code, 0);
  assert.match(said, /^forward: qp [0-9]+\n$/);
  assert.deepEqual(queue.queued(), {
    envelope: ["Flist-owner@b.test", "Ta@x.test", "Tb@x.test"],
    message: `Delivered-To: joe@b.test\n${message}`,
  });
});

test("forward without its variables is 100; what the queue says decides else [Q-228]", async (t) => {
  const missing = (name: string) => ({ code: 100, said: `forward: fatal: ${name} not set\n` });
  assert.deepEqual(await run(["forward", "a@x.test"], without("NEWSENDER")), missing("NEWSENDER"));
  assert.deepEqual(await run(["forward", "a@x.test"], without("DTLINE")), missing("DTLINE"));
  for (const [exitCode, expected] of [
    [31, { code: 100, said: "forward: fatal: mail server permanently rejected message (#5.3.0)\n" }],
    [53, { code: 111, said: "forward: fatal: qq write error or disk full (#4.3.0)\n" }],
  ] as const) {
    const queue = queueProgram(t, exitCode);
    assert.deepEqual(await run(["forward", "a@x.test"], { ...delivery, QMAILQUEUE: queue.path }), expected);
  }
});

test("condredirect forwards from SENDER and ends the delivery if the program says yes [Q-229]", async (t) => {
  const queue = queueProgram(t);
  const { code, said } = await run(["condredirect", "new@x.test", "grep", "-q", "body"], {
    ...delivery,
    QMAILQUEUE: queue.path,
  });
  assert.equal(code, 99);
  assert.match(said, /^condredirect: qp [0-9]+\n$/);
  assert.deepEqual(queue.queued(), {
    envelope: ["Fjim@a.test", "Tnew@x.test"],
    message: `Delivered-To: joe@b.test\n${message}`,
  });
});

test("condredirect lets a no pass, and waits when there is no telling [Q-229]", async (t) => {
  const queue = queueProgram(t);
  const env = { ...delivery, QMAILQUEUE: queue.path };
  const ask = (script: string) => run(["condredirect", "new@x.test", "sh", "-c", script], env);
  assert.deepEqual(await ask("exit 1"), { code: 0, said: "" });
  assert.deepEqual(await ask("exit 100"), { code: 0, said: "" });
  assert.deepEqual(await ask("exit 111"), { code: 111, said: "condredirect: fatal: temporary child error\n" });
  assert.deepEqual(await ask("kill -9 $$"), { code: 111, said: "condredirect: fatal: child crashed\n" });
  assert.equal(queue.queued(), null);
  const usage = "condredirect: usage: condredirect newaddress program [ arg ... ]\n";
  assert.deepEqual(await run(["condredirect", "new@x.test"], env), { code: 100, said: usage });
  assert.deepEqual(await run(["condredirect", "new@x.test", "true"], without("DTLINE")), {
    code: 100,
    said: "condredirect: fatal: DTLINE not set\n",
  });
});

test("bouncesaying bounces with its text, without a program or if the program says yes [Q-230]", async () => {
  const bounce = { code: 100, said: "Go away\n" };
  assert.deepEqual(await run(["bouncesaying", "Go away"]), bounce);
  assert.deepEqual(await run(["bouncesaying", "Go away", "grep", "-q", "body"]), bounce);
  assert.deepEqual(await run(["bouncesaying", "Go away", "grep", "-q", "nothing"]), { code: 0, said: "" });
  assert.deepEqual(await run(["bouncesaying", "Go away", "/nonexistent"]), { code: 0, said: "" });
  assert.deepEqual(await run(["bouncesaying", "Go away", "sh", "-c", "exit 111"]), {
    code: 111,
    said: "bouncesaying: fatal: temporary child error\n",
  });
  assert.equal((await run(["bouncesaying"])).code, 100);
});

test("except turns yes and no round, and keeps no telling [Q-231]", async () => {
  const ask = async (code: number) => (await run(["except", "sh", "-c", `exit ${code}`])).code;
  assert.deepEqual([await ask(0), await ask(1), await ask(99), await ask(100), await ask(111)], [100, 0, 0, 0, 111]);
  assert.equal((await run(["except"])).code, 100);
  assert.deepEqual(await run(["bouncesaying", "No", "except", "grep", "-q", "nothing"]), { code: 100, said: "No\n" });
});

test("preline puts three lines in front; letters leave them out [Q-232] [M-077]", async () => {
  const { UFLINE: from, RPLINE: returnPath, DTLINE: deliveredTo } = delivery;
  const rows: readonly (readonly [options: readonly string[], top: string])[] = [
    [[], from + returnPath + deliveredTo],
    [["-f"], returnPath + deliveredTo],
    [["-r"], from + deliveredTo],
    [["-d"], from + returnPath],
    [["-frd"], ""],
    [["-f", "-r", "-dF"], from],
    [["-f", "--"], returnPath + deliveredTo],
  ];
  for (const [options, top] of rows) {
    assert.deepEqual(await run(["preline", ...options, "cat"], delivery), { code: 0, said: top + message });
  }
});

test("preline ends as its command ends [Q-232]", async () => {
  const ask = (script: string) => run(["preline", "sh", "-c", script], delivery);
  for (const code of [0, 1, 77, 99, 100, 111]) assert.equal((await ask(`exit ${code}`)).code, code);
  assert.deepEqual(await ask("kill -9 $$"), { code: 111, said: "preline: fatal: child crashed\n" });
  assert.equal((await run(["preline", "/nonexistent"], delivery)).code, 100);
  const usage = { code: 100, said: "preline: usage: preline cmd [ arg ... ]\n" };
  assert.deepEqual(await run(["preline"], delivery), usage);
  assert.deepEqual(await run(["preline", "-x", "cat"], delivery), usage);
  assert.deepEqual(await run(["preline", "cat"], without("UFLINE")), usage);
});

const asking = (list: string): string =>
  `Message-Id: <1@a.test>\nNotice-Requested-Upon-Delivery-To: ${list}\nSubject: x\n\nbody\n`;

test("qreceipt confirms a delivery that asks for it by exactly this address [Q-233]", async (t) => {
  const queue = queueProgram(t);
  const env = { ...delivery, QMAILQUEUE: queue.path };
  assert.deepEqual(await run(["qreceipt", "joe@b.test"], env, asking("ann@b.test, Joe <joe@b.test>")), {
    code: 0,
    said: "",
  });
  assert.deepEqual(queue.queued(), {
    envelope: ["F", "Tjim@a.test"],
    message: [
      "From: DELIVERY NOTICE SYSTEM <jim@a.test>",
      "To: <jim@a.test>",
      "Subject: success notice",
      "",
      "Hi! This is the qreceipt program. Your message was delivered to the",
      "following address: joe@b.test. Thanks for asking.",
      "Your Message-Id: <1@a.test>",
      "",
    ].join("\n"),
  });
});

test("qreceipt answers nobody else, and never a null path [Q-233]", async (t) => {
  const queue = queueProgram(t);
  const env = { ...delivery, QMAILQUEUE: queue.path };
  const nothing = { code: 0, said: "" };
  assert.deepEqual(await run(["qreceipt", "joe@b.test"], env, asking("JOE@b.test, xjoe@b.test")), nothing);
  assert.deepEqual(await run(["qreceipt", "joe@b.test"], env, message), nothing);
  assert.deepEqual(await run(["qreceipt", "joe@b.test"], env, `\n${asking("joe@b.test")}`), nothing, "in the body");
  for (const SENDER of ["", "#@[]"]) {
    assert.deepEqual(await run(["qreceipt", "joe@b.test"], { ...env, SENDER }, asking("joe@b.test")), nothing);
  }
  assert.equal(queue.queued(), null);
  const unparsable = await run(["qreceipt", "joe@b.test"], env, asking('"joe@b.test'));
  assert.equal(unparsable.code, 100);
  assert.match(unparsable.said, /^qreceipt: fatal: unable to parse this: /);
  assert.equal((await run(["qreceipt"], env)).code, 100);
  assert.equal((await run(["qreceipt", "joe@b.test"], without("SENDER"))).code, 100);
});

test("qbiff exits 0, whatever happens [Q-234]", async () => {
  assert.deepEqual(await run(["qbiff"]), { code: 0, said: "" });
  const env = { USER: "no-such-user", LOCAL: "joe", SENDER: "jim@a.test" };
  assert.deepEqual(await run(["qbiff"], env), { code: 0, said: "" });
});

function folderFor(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), "quail-line-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

test("maildirmake makes a Maildir once [Q-178]", async (t) => {
  const folder = folderFor(t);
  assert.deepEqual(await run(["maildirmake", "Maildir"], {}, "", folder), { code: 0, said: "" });
  assert.deepEqual(fs.readdirSync(join(folder, "Maildir")).sort(), ["cur", "new", "tmp"]);
  assert.deepEqual(await run(["maildirmake", "Maildir"], {}, "", folder), {
    code: 111,
    said: "maildirmake: fatal: unable to mkdir Maildir: file already exists\n",
  });
  assert.deepEqual(await run(["maildirmake"]), { code: 100, said: "maildirmake: usage: maildirmake name\n" });
});

test("maildir2mbox takes its names from the environment [Q-179]", async (t) => {
  const folder = folderFor(t);
  const env = { MAILDIR: `${folder}/Maildir`, MAIL: `${folder}/Mailbox`, MAILTMP: `${folder}/tmp` };
  await run(["maildirmake", `${folder}/Maildir`]);
  fs.writeFileSync(join(folder, "Maildir", "new", "1"), "Return-Path: <jim@a.test>\n\nhello\n");
  assert.deepEqual(await run(["maildir2mbox"], env), { code: 0, said: "" });
  assert.match(fs.readFileSync(env.MAIL, "latin1"), /^From jim@a\.test .*\nReturn-Path: <jim@a\.test>\n\nhello\n\n$/);
  assert.deepEqual(fs.readdirSync(join(folder, "Maildir", "new")), []);
  assert.deepEqual(await run(["maildir2mbox"], { ...env, MAIL: undefined }), {
    code: 111,
    said: "maildir2mbox: fatal: MAIL not set\n",
  });
});
