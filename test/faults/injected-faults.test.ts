/**
 * System calls that fail in the real processes while they work: syncs, writes, opens, accepts, of the queue, a delivery worker, smtpd,
 * local, remote and whoever writes the log. For each: what is answered, logged and tried again; nothing is lost or doubled, others are unharmed, and
 * all goes on when the calls succeed again.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, type TestContext, test } from "node:test";
import { House, inbox, isRunning, needs, readNew, until } from "../system/house.ts";
import { openScriptedServer, type ScriptedServer } from "../system/scripted-server.ts";
import { SmtpClient, sendOne } from "../system/smtp-client.ts";
import { holdersOf, type Injection, injecting, whyNotInject } from "./injecting.ts";
import { mailPasses, open, pidsOf } from "./watching.ts";

let house: House;
let remote: ScriptedServer;
let reason: string | null = null;
const skip = needs("strace");

before(async () => {
  if (skip !== false) return;
  reason = await whyNotInject();
  if (reason !== null) return;
  remote = await openScriptedServer();
  house = await House.open({
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${remote.port}\n` },
  });
  await mailPasses(house, "warm");
});
after(async () => {
  await house?.[Symbol.asyncDispose]();
  await remote?.close();
});

/** True if the test cannot be done here; says why. */
function isLeftOut(t: TestContext): boolean {
  if (reason !== null) t.skip(reason);
  return reason !== null;
}

const copies = (subject: string): number =>
  [...readNew(house.maildir).values()].filter((bytes) => bytes.includes(`Subject: ${subject}\n`)).length;

function message(subject: string, bytes: number): Buffer {
  return Buffer.from(`Subject: ${subject}\n\n${`${"x".repeat(99)}\n`.repeat(bytes / 100)}`);
}
const smallBytes = 100;
const largeBytes = 1_000_000;

const queueTrouble: readonly { readonly what: string; readonly injection: Injection; readonly small: 250 | 451 }[] = [
  { what: "syncs fail", injection: { calls: "fsync,fdatasync", error: "EIO" }, small: 451 },
  { what: "writes find no room", injection: { calls: "pwrite64,write,writev", error: "ENOSPC" }, small: 451 },
  // A large message is a file of its own; a small one needs none.
  { what: "files cannot be opened", injection: { calls: "openat", error: "ENFILE" }, small: 250 },
];

for (const [n, { what, injection, small }] of queueTrouble.entries()) {
  test(`the queue's ${what} (${injection.error}): 451, nothing is queued by half, and in the same session it goes on afterwards`, {
    skip,
  }, async (t) => {
    if (isLeftOut(t)) return;
    const client = await SmtpClient.open(house.ports.smtp);
    await client.command("HELO client.test");
    const queue = pidsOf(house, "queue");
    const path = injection.calls.startsWith("pwrite64") ? { path: house.path("queue", "queue.db-wal") } : {};
    await injecting(queue, { ...injection, ...path }, async () => {
      for (const [subject, bytes, wanted] of [
        [`q${n} small`, smallBytes, small],
        [`q${n} large`, largeBytes, 451],
      ] as const) {
        const { code, lines } = await client.send("a@b.test", [inbox], message(subject, bytes));
        assert.equal(code, wanted, lines.join("/"));
        if (wanted === 451) assert.match(lines.join("/"), /^qq .*\(#4\.3\.0\)$/);
        await client.command("RSET");
      }
    });
    assert.deepEqual(pidsOf(house, "queue"), queue, "the queue lives on");
    const reply = await client.send("a@b.test", [inbox], message(`q${n} after`, largeBytes));
    assert.equal(reply.code, 250, reply.lines.join("/"));
    await client.quit();
    await until("the mail after it", () => copies(`q${n} after`) === 1);
    if (small === 250) await until("what was taken", () => copies(`q${n} small`) === 1);
    else assert.equal(copies(`q${n} small`), 0);
    assert.equal(copies(`q${n} large`), 0);
  });
}

const workerTrouble: readonly Injection[] = [
  { calls: "syncfs", error: "EIO" },
  { calls: "openat", error: "ENFILE" },
  { calls: "rename", error: "EIO" },
];

for (const injection of workerTrouble) {
  test(`a delivery worker's ${injection.calls} fails (${injection.error}): deferred, nothing is left, delivered once later`, {
    skip,
  }, async (t) => {
    if (isLeftOut(t)) return;
    await mailPasses(house, `before ${injection.calls}`);
    const workers = pidsOf(house, "local-worker");
    const subject = `worker ${injection.calls}`;
    const from = house.logLines().length;
    const complaints = house.log("local").split("maildir trouble ").length;
    await injecting(workers, injection, async () => {
      assert.equal((await sendOne(house.ports.smtp, "a@b.test", [inbox], message(subject, smallBytes))).code, 250);
      await house.logged(
        /^delivery [0-9]+: deferral: Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
        30_000,
        from,
      );
      assert.equal(copies(subject), 0, "it does not look delivered");
    });
    await until("the cause in the log", () => house.log("local").split("maildir trouble ").length > complaints);
    house.signal("SIGALRM");
    await until("the mail after it", () => copies(subject) === 1);
    await house.logged(/^end msg [0-9]+$/, 30_000, from);
    assert.equal(copies(subject), 1);
    assert.deepEqual(pidsOf(house, "local-worker"), workers, "the worker lives on");
  });
}

test("smtpd's accepts fail (ENFILE): sessions that are open go on, new clients are served afterwards", {
  skip,
}, async (t) => {
  if (isLeftOut(t)) return;
  const inside = await SmtpClient.open(house.ports.smtp);
  await inside.command("HELO inside.test");
  const smtpd = pidsOf(house, "smtpd");
  const outside = await injecting(smtpd, { calls: "accept,accept4", error: "ENFILE" }, async () => {
    const socket = await open(house.ports.smtp); // The kernel shakes hands; nobody greets.
    assert.equal((await inside.send("a@b.test", [inbox], message("inside", smallBytes))).code, 250);
    return socket;
  });
  outside.destroy();
  assert.deepEqual(pidsOf(house, "smtpd"), smtpd, "smtpd lives on");
  await mailPasses(house, "a new client");
  await inside.quit();
});

test("local cannot look at the disk (EIO): a recipient it cannot look up is put off, not refused; known again afterwards", {
  skip,
}, async (t) => {
  if (isLeftOut(t)) return;
  writeFileSync(house.path("alias", ".qmail-somebody"), "&you@localhost\n", { mode: 0o644 });
  const rcpt = async (): Promise<number> => {
    const client = await SmtpClient.open(house.ports.smtp);
    await client.command("HELO client.test");
    await client.command("MAIL FROM:<a@b.test>");
    const { code } = await client.command("RCPT TO:<somebody@localhost>");
    await client.quit();
    return code;
  };
  const looks = "statx,newfstatat,openat,access,faccessat,faccessat2";
  assert.equal(await injecting(pidsOf(house, "local"), { calls: looks, error: "EIO" }, rcpt), 451);
  await until("it is known again", async () => (await rcpt()) === 250);
});

test("remote gets no socket (EMFILE): deferred, and delivered later", { skip }, async (t) => {
  if (isLeftOut(t)) return;
  const from = house.logLines().length;
  await injecting(pidsOf(house, "remote"), { calls: "socket", error: "EMFILE" }, async () => {
    const { code } = await sendOne(house.ports.smtp, inbox, ["b@far.test"], message("far", smallBytes));
    assert.equal(code, 250);
    await house.logged(/^delivery [0-9]+: deferral: /, 30_000, from);
    await mailPasses(house, "beside remote");
  });
  const hurry = setInterval(() => house.signal("SIGALRM"), 1_000);
  try {
    await until("the message there", () => remote.taken.length === 1);
  } finally {
    clearInterval(hurry);
  }
});

for (const error of ["ENOSPC", "EIO"] as const) {
  test(`the log cannot be written (${error}): mail goes on, and later lines are written`, { skip }, async (t) => {
    if (isLeftOut(t)) return;
    const current = house.path("log", "queue", "current");
    const writers = holdersOf(current);
    if (writers.length === 0) return t.skip("nobody keeps the log's file open");
    await injecting(writers, { calls: "write,writev,pwrite64", error, path: current }, async () => {
      for (const n of [1, 2]) await mailPasses(house, `unlogged ${error} ${n}`);
    });
    assert.ok(writers.every(isRunning), "who writes it lives on");
    const from = house.logLines().length;
    await mailPasses(house, `logged ${error}`);
    await house.logged(/^delivery [0-9]+: success: /, 30_000, from);
  });
}
