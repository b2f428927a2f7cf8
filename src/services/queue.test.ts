import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { toBytes } from "#bytes";
import { type Address, type DeliveryJob, done, type Outcome, permanent, type ReversePath, temporary } from "#mail";
import { closeServer, connectUnix, FrameLink, listenUnix } from "#net";
import { dropMessage, openDoor } from "#qmtp";
import { localFrames, serveCourier } from "#send/courier";
import { serve } from "./queue.ts";
import type { RunningService } from "./service.ts";

type Delivered = { readonly job: DeliveryJob; readonly text: string };

/** A queue service on a home of its own; the couriers of both channels are the test's. */
type House = {
  readonly home: string;
  readonly service: RunningService;
  readonly lines: string[];
  readonly delivered: Delivered[];
  post(sender: string, to: readonly string[], body?: string): Promise<string>;
};

type Answer = (job: DeliveryJob) => Outcome | Promise<Outcome>;

async function house(t: TestContext, answer: Answer, controls: Record<string, string> = {}): Promise<House> {
  const home = mkdtempSync(join(tmpdir(), "quail-queue-"));
  for (const folder of ["control", "queue/drop", "run"]) mkdirSync(join(home, folder), { recursive: true });
  const all = { me: "mail.test", locals: "mail.test", ...controls };
  for (const [file, text] of Object.entries(all)) writeFileSync(join(home, "control", file), `${text}\n`);
  const delivered: Delivered[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket;
  };
  const deliver = async (job: DeliveryJob): Promise<Outcome> => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < job.message.sizeBytes; at += 200_000) pieces.push(await job.message.read(at, 200_000));
    delivered.push({ job, text: Buffer.concat(pieces).toString("latin1") });
    return answer(job);
  };
  const worker = join(home, "run", "worker");
  const servers = [
    await listenUnix(worker, (socket) => void serveCourier(keep(socket), deliver)),
    await listenUnix(join(home, "run", "local"), (socket) => {
      const route = { user: "joe", uid: 1, gid: 1, home: "/", dash: "", ext: "" };
      const link = new FrameLink(keep(socket), {
        frame: ({ id }) =>
          link.send(localFrames.resolved, id, toBytes(JSON.stringify({ kind: "route", route, worker }))),
        close() {},
      });
    }),
  ];
  const lines: string[] = [];
  const options = new Map([["scan-ms", "100"]]);
  const service = await serve({ home, options, log: (line) => lines.push(line) });
  const remote = await connectUnix(join(home, "queue", "remote"));
  assert.ok("write" in remote);
  serveCourier(keep(remote), deliver);
  const door = openDoor(home);
  t.after(async () => {
    await door.close();
    await service.close();
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map(closeServer));
    rmSync(home, { recursive: true, force: true });
  });
  return {
    home,
    service,
    lines,
    delivered,
    async post(sender, to, body = "Subject: x\n\nbody\n") {
      const posting = door.post(
        { sender: sender as ReversePath, recipients: to as Address[] },
        { invoker: "user", uid: 1000 },
      );
      await posting.write(toBytes(body));
      const said = await posting.finish();
      return `${said.fate} ${said.queueId ?? said.text}`;
    },
  };
}

async function until(claim: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !claim(); await sleep(2)) {
    assert.ok(performance.now() < deadline, `gave up waiting: ${what}`);
  }
}

const refuse: Answer = ({ recipient }) =>
  recipient.startsWith("bad") ? permanent("Sorry, no mailbox here by that name. (#5.1.1)\n") : done("did 1+0+0\n");

test("a message is queued, delivered with the queue's Received line on top, and forgotten [Q-051, Q-057]", async (t) => {
  const h = await house(t, () => done("did 1+0+0\n"));
  assert.equal(await h.post("s@far.test", ["joe@mail.test"]), "done 1");
  await until(() => h.lines.includes("end msg 1"), "the end");
  const [one] = h.delivered;
  assert.match(
    one!.text,
    /^Received: \(qmail 1 invoked by uid 1000\); [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} -0000\nSubject: x\n\nbody\n$/,
  );
  assert.deepEqual([one!.job.sender, one!.job.recipient, one!.job.index], ["s@far.test", "joe@mail.test", 0]);
});

test("a hard failure comes back to the sender as a bounce from the null sender, and the log ties the two [Q-085, Q-086, Q-095, Q-099]", async (t) => {
  const h = await house(t, refuse, { bounceformat: "qsbmf" });
  await h.post("s@mail.test", ["bad@mail.test"]);
  await until(() => h.lines.includes("end msg 2"), "the bounce's end");
  const bounce = h.delivered[1]!;
  assert.deepEqual([bounce.job.sender, bounce.job.recipient], ["", "s@mail.test"]);
  assert.match(
    bounce.text,
    /^Received: \(qmail 2 invoked for bounce\); .*\nDate: .*\nFrom: MAILER-DAEMON@mail\.test\nTo: s@mail\.test\nSubject: failure notice\n/,
  );
  assert.ok(
    bounce.text.includes(
      "\n\nHi. This is the qmail-send program at mail.test.\n" +
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n" +
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n" +
        "<bad@mail.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n" +
        "--- Below this line is a copy of the message.\n\n" +
        "Return-Path: <s@mail.test>\nReceived: (qmail 1 invoked by uid 1000);",
    ),
    bounce.text,
  );
  assert.ok(bounce.text.endsWith("Subject: x\n\nbody\n"));
  const tied = h.lines.filter((line) => /^(bounce msg|end msg 1|new msg 2|info msg 2)/.test(line));
  assert.deepEqual(
    tied.map((line) => line.replace(/bytes \d+/, "bytes N")),
    ["bounce msg 1 qp 2", "end msg 1", "new msg 2", `info msg 2: bytes N from <> qp 2 uid ${process.getuid?.()}`],
  );
});

test("two failed recipients are two paragraphs of one bounce [Q-087]", async (t) => {
  const h = await house(t, refuse);
  await h.post("s@mail.test", ["bad1@mail.test", "good@mail.test", "bad2@mail.test"]);
  await until(() => h.delivered.length === 4, "three deliveries and a bounce");
  const bounce = h.delivered[3]!.text;
  assert.match(bounce, /<bad1@mail\.test>:\nSorry.*\n\n<bad2@mail\.test>:\nSorry/);
  assert.ok(!bounce.includes("<good@mail.test>"));
});

test("the bounce of a bounce goes to the postmaster from #@[], and that one's failure is discarded [Q-091, Q-092, Q-096]", async (t) => {
  const h = await house(t, () => permanent("no (#5.0.0)\n"));
  await h.post("s@mail.test", ["bad@mail.test"]);
  await until(() => h.lines.some((line) => line.startsWith("triple bounce")), "the triple bounce");
  await until(() => h.lines.includes("end msg 3"), "the end");
  assert.deepEqual(
    h.delivered.map(({ job }) => [job.sender, job.recipient]),
    [
      ["s@mail.test", "bad@mail.test"],
      ["", "s@mail.test"],
      ["#@[]", "postmaster@mail.test"],
    ],
  );
  assert.ok(h.lines.includes("triple bounce: discarding bounce/3"));
  assert.match(h.delivered[2]!.text, /I tried to deliver a bounce message to this address, but the bounce bounced!/);
});

test("an empty doublebounceto sends double bounces to the trash address of the host [Q-093]", async (t) => {
  const h = await house(t, ({ recipient }) => (recipient === "@mail.test" ? done() : permanent("no\n")), {
    doublebounceto: "",
  });
  await h.post("", ["bad@mail.test"]);
  await until(() => h.delivered.length === 2, "the double bounce");
  assert.equal(h.delivered[1]!.job.recipient, "@mail.test");
});

test("the bounce of a VERP sender goes to the list's owner address without the marker [Q-094]", async (t) => {
  const h = await house(t, refuse);
  await h.post("l-owner-@mail.test-@[]", ["bad@mail.test"]);
  await until(() => h.delivered.length === 2, "the bounce");
  assert.equal(h.delivered[0]!.job.sender, "l-owner-bad=mail.test@mail.test");
  assert.deepEqual([h.delivered[1]!.job.sender, h.delivered[1]!.job.recipient], ["", "l-owner-@mail.test"]);
});

test("a bounce shows the address its sender knew, without the virtual domain's prefix [Q-090]", async (t) => {
  const h = await house(t, ({ recipient }) => (recipient.startsWith("ann-") ? permanent("no (#5.1.1)\n") : done()), {
    virtualdomains: "shop.test:ann",
  });
  await h.post("s@mail.test", ["bad@shop.test"]);
  await until(() => h.delivered.length === 2, "the bounce");
  assert.equal(h.delivered[0]!.job.recipient, "ann-bad@shop.test");
  assert.match(h.delivered[1]!.text, /\n<bad@shop\.test>:\n/);
});

test("with delaynotice the sender of a message that waits longer hears of it once", async (t) => {
  const slow: Answer = ({ recipient }) => (recipient.includes("slow") ? temporary("Not now. (#4.3.0)\n") : done());
  const h = await house(t, slow, { delaynotice: "1", virtualdomains: "shop.test:ann" });
  await h.post("s@mail.test", ["slow@shop.test"]);
  await until(() => h.delivered.length === 1, "the first attempt");
  await sleep(1_100);
  h.service.hurry?.();
  await until(() => h.delivered.length === 3, "the second attempt, and the notice");
  const notice = h.delivered[2]!;
  assert.deepEqual([notice.job.sender, notice.job.recipient], ["", "s@mail.test"]);
  assert.match(
    notice.text,
    /^Received: \(qmail 2 invoked for bounce\); .*\nDate: .*\nFrom: MAILER-DAEMON@mail\.test\n/,
  );
  assert.match(notice.text, /\nHello, this is the qmail-send program at mail\.test\.\n/);
  assert.match(notice.text, /\n<slow@shop\.test>:\nNot now\. \(#4\.3\.0\)\n/);
  assert.match(notice.text, /\nAction: delayed\nStatus: 4\.3\.0\n/);
  assert.ok(!notice.text.includes("\nbody\n"));
  await until(() => h.lines.includes("end msg 2"), "the notice's end");
  assert.ok(h.lines.includes("delaynotice msg 1 qp 2"));
  h.service.hurry?.();
  await until(() => h.delivered.length === 4, "the third attempt");
  await sleep(50);
  assert.equal(h.delivered.length, 4);
});

test("a bounce of a 1 MB message copies it whole, or up to bouncemaxbytes and says so [Q-098]", async (t) => {
  const body = `Subject: big\n\n${"0123456789abcdef".repeat(65_536)}\n`;
  const whole = await house(t, refuse, { bounceformat: "qsbmf" });
  await whole.post("s@mail.test", ["bad@mail.test"], body);
  await until(() => whole.delivered.length === 2, "the bounce");
  assert.ok(whole.delivered[1]!.text.endsWith(body));
  const cut = await house(t, refuse, { bounceformat: "qsbmf", bouncemaxbytes: "5000" });
  await cut.post("s@mail.test", ["bad@mail.test"], body);
  await until(() => cut.delivered.length === 2, "the bounce");
  assert.ok(cut.delivered[1]!.text.length < 7_000);
  assert.match(cut.delivered[1]!.text, /--- Rest of message truncated\.\n$/);
});

test("a second instance refuses to start with qmail-send's words [Q-062]", async (t) => {
  const h = await house(t, () => done());
  await assert.rejects(serve({ home: h.home, options: new Map(), log() {} }), {
    message: "qmail-send is already running",
  });
});

test("HUP rereads locals and virtualdomains; what is queued keeps its route; an unreadable file keeps the old [Q-072, Q-073, Q-111]", async (t) => {
  const h = await house(t, ({ recipient }) => (recipient.startsWith("slow") ? temporary("wait\n") : done()));
  await h.post("s@mail.test", ["slow@new.test", "one@new.test"]);
  await until(() => h.delivered.length === 2, "two deliveries");
  writeFileSync(join(h.home, "control", "locals"), "mail.test\nnew.test\n");
  await h.post("s@mail.test", ["two@new.test"]);
  h.service.reload?.();
  await h.post("s@mail.test", ["three@new.test"]);
  h.service.hurry?.();
  await until(() => h.delivered.length === 5, "five deliveries");
  const channels = h.lines.filter((line) => line.startsWith("starting")).map((line) => line.replace(/.* to /, ""));
  assert.deepEqual(channels.sort(), [
    "local three@new.test",
    "remote one@new.test",
    "remote slow@new.test",
    "remote slow@new.test",
    "remote two@new.test",
  ]);
  if (process.getuid?.() === 0) {
    rmSync(join(h.home, "control", "virtualdomains"), { force: true });
    mkdirSync(join(h.home, "control", "virtualdomains"));
  } else {
    writeFileSync(join(h.home, "control", "virtualdomains"), "x:y\n");
    chmodSync(join(h.home, "control", "virtualdomains"), 0);
  }
  h.service.reload?.();
  assert.ok(h.lines.includes("alert: unable to reread control/virtualdomains"));
  await h.post("s@mail.test", ["four@new.test"]);
  await until(() => h.lines.some((line) => line.endsWith("to local four@new.test")), "the old routing");
});

test("without me and locals the service does not start [Q-063]", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "quail-queue-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, "control"));
  const lines: string[] = [];
  const start = serve({ home, options: new Map(), log: (line) => lines.push(line) });
  await assert.rejects(start, { message: "unable to read controls" });
  assert.match(lines.join("\n"), /control\/locals/, "the log names the file");
});

test("a door that somebody removed is made anew and said in the log; mail goes on [Q-058] [Q-274]", async (t) => {
  const h = await house(t, () => done("did 1+0+0\n"));
  rmSync(join(h.home, "queue", "door"));
  await until(() => h.lines.includes("warning: queue/door had gone; made it anew"), "the warning");
  const door = openDoor(h.home);
  t.after(() => door.close());
  const posting = door.post(
    { sender: "s@far.test" as ReversePath, recipients: ["joe@mail.test" as Address] },
    { invoker: "user", uid: 1000 },
  );
  await posting.write(toBytes("Subject: x\n\n"));
  assert.equal((await posting.finish()).fate, "done");
  await until(() => h.lines.includes("end msg 1"), "the end");
  await h.service.close();
  assert.equal(h.lines.filter((line) => line.includes("had gone")).length, 1);
});

test("a drop folder that was removed or replaced is watched again; what is left there is taken in [Q-058] [Q-274]", async (t) => {
  const h = await house(t, () => done("did 1+0+0\n"));
  const folder = join(h.home, "queue", "drop");
  rmSync(folder, { recursive: true });
  await until(() => h.lines.includes("warning: queue/drop had gone; made it anew"), "the warning");
  assert.equal(statSync(folder).mode & 0o7777, 0o1733);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  await until(
    () => h.lines.includes("warning: queue/drop had been replaced; watching the new one"),
    "the second warning",
  );
  const posting = dropMessage(
    h.home,
    { sender: "s@far.test" as ReversePath, recipients: ["joe@mail.test" as Address] },
    { invoker: "user", uid: 1000 },
  );
  await posting.write(toBytes("Subject: dropped\n\n"));
  assert.equal((await posting.finish()).fate, "done");
  await until(() => h.lines.includes("end msg 1"), "the end");
});

test("what was dropped while the service was down is delivered after its start, and what is dropped beside it at once", async (t) => {
  const h = await house(t, () => done());
  const posting = dropMessage(
    h.home,
    { sender: "s@mail.test" as Address, recipients: ["joe@mail.test" as Address] },
    { invoker: "user", uid: 5 },
  );
  await posting.write(toBytes("Subject: dropped\n\n"));
  assert.equal((await posting.finish()).fate, "done");
  await until(() => h.delivered.length === 1, "the delivery");
  assert.match(h.delivered[0]!.text, new RegExp(`invoked by uid ${process.getuid?.()}\\).*\nSubject: dropped\n\n$`));
});

test("admins act on one message over run/queue-admin; nonsense gets an error, not silence", async (t) => {
  const h = await house(t, () => temporary("wait (#4.3.0)\n"));
  await h.post("s@mail.test", ["joe@mail.test"]);
  await until(() => h.lines.some((line) => line.includes("deferral")), "the deferral");
  const ask = (request: string): Promise<Record<string, unknown>> =>
    new Promise((answered, failed) => {
      const socket = connect(join(h.home, "run", "queue-admin"));
      socket.setEncoding("utf8").once("data", (text) => {
        socket.destroy();
        answered(JSON.parse(String(text)));
      });
      socket.on("error", failed);
      socket.write(`${request}\n`);
    });
  assert.deepEqual(await ask('{"verb":"hold","ids":[1,99]}'), { ok: true, touched: [1], missed: [99] });
  assert.deepEqual(await ask('{"verb":"release","ids":[1]}'), { ok: true, touched: [1], missed: [] });
  await until(() => h.lines.filter((line) => line.includes("deferral")).length === 2, "the second attempt");
  assert.deepEqual(await ask('{"verb":"expire","ids":[1]}'), { ok: true, touched: [1], missed: [] });
  await until(() => h.lines.some((line) => line.includes("I'm_not_going_to_try_again")), "the last attempt");
  const metrics = await ask('{"verb":"metrics"}');
  assert.equal(metrics.messages_accepted_total, 2);
  const front = openDoor(h.home);
  for (const _ of [1, 2]) front.tell?.({ smtp_sessions_total: 5, messages_accepted_total: 1_000 });
  await front.close();
  const counted = async (): Promise<Record<string, unknown>> => ask('{"verb":"metrics"}');
  let told = await counted();
  for (let n = 0; told.smtp_sessions_total !== 10 && n < 1000; n++) told = await counted();
  assert.deepEqual(
    [told.smtp_sessions_total, told.messages_accepted_total],
    [10, 2],
    "summed, and never the queue's own",
  );
  assert.deepEqual((await ask('{"verb":"constructor"}')).ok, false);
  assert.deepEqual((await ask("rubbish")).ok, false);
});

test("a body over 128 KiB passes through a file and arrives as it was sent", async (t) => {
  const h = await house(t, () => done());
  const body = `Subject: big\n\n${"\x00\xff\r.\n".repeat(60_000)}`;
  await h.post("s@mail.test", ["joe@mail.test"], body);
  await until(() => h.delivered.length === 1, "the delivery");
  assert.equal(h.delivered[0]!.text.slice(h.delivered[0]!.text.indexOf("\n") + 1), body);
  assert.equal(h.delivered[0]!.job.message.whole, null);
});

test("after TERM the door is shut, what was answered is on disk, and the last line is the classic one [Q-074]", async (t) => {
  const h = await house(t, () => temporary("wait\n"));
  await h.post("s@mail.test", ["joe@mail.test"]);
  await h.service.close();
  assert.equal(h.lines.at(-1), "status: exiting");
  assert.equal(readFileSync(join(h.home, "queue", "lock", "sendmutex")).length, 0);
  assert.match(await h.post("s@mail.test", ["joe@mail.test"]), /^temporary/);
});

test("control/holdlocal and holdremote hold a channel, new messages too, from the start or HUP on until they are taken back", async (t) => {
  const h = await house(t, () => done("did 1+0+0\n"), { holdlocal: "1" });
  const put = (name: string, text: string): void => writeFileSync(join(h.home, "control", name), text);
  await h.post("", ["joe@mail.test", "ann@far.test"]);
  await until(() => h.delivered.length === 1, "the remote delivery");
  assert.equal(h.delivered[0]!.job.recipient, "ann@far.test");
  put("holdlocal", "0\n");
  put("holdremote", "1\n");
  h.service.reload?.();
  await until(() => h.lines.includes("end msg 1"), "the local delivery");
  await h.post("", ["joe@mail.test", "ann@far.test"]);
  await until(() => h.delivered.length === 3, "the second local delivery");
  assert.equal(h.delivered[2]!.job.recipient, "joe@mail.test");
  rmSync(join(h.home, "control", "holdremote"));
  h.service.reload?.();
  await until(() => h.lines.includes("end msg 2"), "the end");
  assert.deepEqual(
    h.lines.filter((line) => line.startsWith("warning")),
    [
      "warning: local deliveries are held by control/holdlocal",
      "warning: local deliveries go on",
      "warning: remote deliveries are held by control/holdremote",
      "warning: remote deliveries go on",
    ],
  );
});
