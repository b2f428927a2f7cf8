import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { toBytes } from "#bytes";
import { renderCdb } from "#files";
import { parseAddress } from "#mail";
import { FrameLink, listenUnix } from "#net";
import { serveDoor } from "#qmtp";
import { loadRouting, routeRecipient } from "#users";
import type { RunningService } from "./service.ts";
import { serve } from "./smtpd.ts";

type House = {
  readonly home: string;
  readonly port: number;
  readonly logged: readonly string[];
  readonly service: RunningService;
};

const localRules = '127.:allow,RELAYCLIENT=""\n:allow';

/** A home with these control files, and smtpd listening on a free port of it. */
async function withSmtpd<T>(
  controls: Readonly<Record<string, string>>,
  use: (house: House) => Promise<T>,
  options: Readonly<Record<string, string>> = {},
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "quail-smtpd-"));
  await mkdir(join(home, "control"));
  await mkdir(join(home, "run"));
  await mkdir(join(home, "queue"));
  const files = { me: "mx.test", rcpthosts: "heaven.test", rcptcheck: "0", ...controls };
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, "control", name), `${text}\n`);
  const logged: string[] = [];
  try {
    const words = new Map(Object.entries({ listen: "127.0.0.1:0", ...options }));
    const service = await serve({ home, options: words, log: (line) => logged.push(line) });
    const port = Number(/port=(\d+)/.exec(logged.find((line) => line.startsWith("smtpd listening")) ?? "")?.[1]);
    try {
      return await use({ home, port, logged, service });
    } finally {
      await service.close();
    }
  } finally {
    await rm(home, { recursive: true });
  }
}

/** A client that sends a line and waits for the end of the reply, or for the server's close. */
async function dial(port: number) {
  const socket: Socket = connect({ port, host: "127.0.0.1" });
  let text = "";
  let closed = false;
  let wake = (): void => {};
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    wake();
  });
  socket.on("error", () => {}); // "close" follows and is what the test waits for.
  socket.on("close", () => {
    closed = true;
    wake();
  });
  const reply = async (): Promise<string> => {
    for (;;) {
      const end = /(?:^|\r\n)\d{3} [^\r]*\r\n/.exec(text);
      if (end !== null) {
        const got = text.slice(0, end.index + end[0].length);
        text = text.slice(got.length);
        return got.trimEnd();
      }
      if (closed) return "(closed)";
      await new Promise<void>((done) => {
        wake = done;
      });
    }
  };
  return {
    reply,
    ask(line: string): Promise<string> {
      socket.write(`${line}\r\n`, "latin1");
      return reply();
    },
    write: (bytes: string) => void socket.write(bytes, "latin1"),
    close: () => void socket.destroy(),
  };
}

async function once(port: number, ...lines: string[]): Promise<string[]> {
  const client = await dial(port);
  const replies = [await client.reply()];
  for (const line of lines) replies.push(await client.ask(line));
  client.close();
  return replies;
}

const noRelay = "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)";

test("control files edited in any way are seen by the next connection [Q-046]", async () => {
  await withSmtpd({}, async ({ home, port }) => {
    assert.deepEqual(await once(port), ["220 mx.test ESMTP"]);
    for (let i = 0; i < 5; i++) {
      await writeFile(join(home, "control", "smtpgreeting"), `greeting ${i}\n`);
      assert.deepEqual(await once(port), [`220 greeting ${i} ESMTP`]);
    }
    await writeFile(join(home, "control", "new"), "replaced\n");
    await rename(join(home, "control", "new"), join(home, "control", "smtpgreeting"));
    assert.deepEqual(await once(port), ["220 replaced ESMTP"]);
    await rm(join(home, "control", "smtpgreeting"));
    assert.deepEqual(await once(port), ["220 mx.test ESMTP"]);
    await writeFile(join(home, "control", "rcpthosts"), "other.test\n");
    const replies = await once(port, "MAIL FROM:<a@b>", "RCPT TO:<c@heaven.test>", "RCPT TO:<c@other.test>");
    assert.deepEqual(replies.slice(2), [noRelay, "250 ok"]);
  });
});

test("without smtpgreeting and me a client gets 421 and no 220, and the service outlives it [Q-002]", async () => {
  await withSmtpd({}, async ({ home, port, logged }) => {
    await rm(join(home, "control", "me"));
    assert.deepEqual(await once(port), ["421 unable to read controls (#4.3.0)"]);
    assert.ok(logged.includes("alert: smtpd: neither control/smtpgreeting nor control/me exists"));
    await writeFile(join(home, "control", "smtpgreeting"), "hello\n");
    assert.deepEqual(await once(port), ["220 hello ESMTP"]);
  });
});

test("127.0.0.1 relays with the shipped rule and only with it [Q-267]", async () => {
  const talk = ["MAIL FROM:<a@b>", "RCPT TO:<c@far.test>"];
  await withSmtpd({}, async ({ home, port }) => {
    assert.equal((await once(port, ...talk)).at(-1), noRelay);
    await writeFile(join(home, "control", "tcp.smtp"), `${localRules}\n`);
    assert.equal((await once(port, ...talk)).at(-1), "250 ok");
  });
});

test("without rcpthosts smtpd does not start and says what to do; control/openrelay is the switch [Q-268] [Q-023]", async () => {
  const home = await mkdtemp(join(tmpdir(), "quail-smtpd-"));
  await mkdir(join(home, "control"));
  await writeFile(join(home, "control", "me"), "mx.test\n");
  const start = { home, options: new Map([["listen", "127.0.0.1:0"]]), log: () => {} };
  await assert.rejects(serve(start), /there is no .*control\/rcpthosts.*write your domains into it/);
  const morercpthosts = renderCdb([[toBytes("more.test"), toBytes("")]]);
  await writeFile(join(home, "control", "morercpthosts.cdb"), morercpthosts);
  await assert.rejects(serve(start), /control\/rcpthosts/);
  await writeFile(join(home, "control", "openrelay"), "yes\n");
  const logged: string[] = [];
  const service = await serve({ ...start, log: (line) => logged.push(line) });
  const port = Number(/port=(\d+)/.exec(logged.join(" "))?.[1]);
  await writeFile(join(home, "control", "rcptcheck"), "off\n");
  assert.equal((await once(port, "MAIL FROM:<a@b>", "RCPT TO:<c@far.test>")).at(-1), "250 ok");
  await service.close();
  await rm(home, { recursive: true });
});

test("morercpthosts.cdb adds to rcpthosts; its source file alone does nothing [Q-022]", async () => {
  await withSmtpd({ morercpthosts: "more.test" }, async ({ home, port }) => {
    const ask = async (recipient: string): Promise<string | undefined> =>
      (await once(port, "MAIL FROM:<a@b>", `RCPT TO:<${recipient}>`)).at(-1);
    assert.equal(await ask("c@more.test"), noRelay);
    const keys = [toBytes("more.test"), toBytes(".wide.test")].map((key) => [key, toBytes("")] as const);
    await writeFile(join(home, "control", "morercpthosts.cdb"), renderCdb(keys));
    assert.equal(await ask("c@More.test"), "250 ok");
    assert.equal(await ask("c@x.wide.test"), "250 ok");
    assert.equal(await ask("c@wide.test"), noRelay);
    assert.equal(await ask("c@heaven.test"), "250 ok");
    // Without rcpthosts the compiled file does not count either.
    await rm(join(home, "control", "rcpthosts"));
    assert.equal(await ask("c@more.test"), noRelay);
  });
});

test("the local service is asked for mailboxes; when it cannot be asked the answer is 4xx [Q-270] [Q-271]", async () => {
  await withSmtpd({ rcptcheck: "1" }, async ({ home, port }) => {
    const questions: string[] = [];
    const links: FrameLink[] = [];
    const local = await listenUnix(join(home, "run", "local"), (socket) => {
      const link: FrameLink = new FrameLink(socket, {
        frame({ kind, id, payload }) {
          assert.equal(kind, 3);
          const address = payload.toString("latin1");
          questions.push(address);
          link.send(4, id, toBytes(address.startsWith("no") ? "no" : address.startsWith("maybe") ? "defer" : "yes"));
        },
        close: () => {},
      });
      links.push(link);
    });
    const replies = await once(
      port,
      "MAIL FROM:<a@b>",
      "RCPT TO:<joe@heaven.test>",
      "RCPT TO:<nobody@heaven.test>",
      "RCPT TO:<maybe@heaven.test>",
      "RCPT TO:<joe@heaven.test>",
    );
    const cannotTell = "451 sorry, unable to check that mailbox now (#4.3.0)";
    assert.deepEqual(replies.slice(2), [
      "250 ok",
      "550 sorry, no mailbox here by that name (#5.1.1)",
      cannotTell,
      "250 ok",
    ]);
    assert.deepEqual(questions, ["joe@heaven.test", "nobody@heaven.test", "maybe@heaven.test"], "yes is remembered");
    local.close();
    for (const link of links) link.destroy();
    const later = await once(port, "MAIL FROM:<a@b>", "RCPT TO:<sue@heaven.test>", "RCPT TO:<joe@heaven.test>");
    assert.deepEqual(later.slice(2), [cannotTell, "250 ok"]);
    await writeFile(join(home, "control", "rcptcheck"), "0\n");
    assert.equal((await once(port, "MAIL FROM:<a@b>", "RCPT TO:<nobody@heaven.test>")).at(-1), "250 ok");
  });
});

test("a message goes through the queue's door in one piece, behind our Received line, and is logged [Q-269]", async () => {
  await withSmtpd({ "tcp.smtp": localRules }, async ({ home, port, logged }) => {
    const envelopes: unknown[] = [];
    const pieces: string[] = [];
    const sockets: Socket[] = [];
    const door = await listenUnix(join(home, "queue", "door"), (socket) => {
      sockets.push(socket);
      serveDoor(socket, {
        begin(envelope) {
          envelopes.push([envelope.sender, envelope.recipients, envelope.origin.invoker]);
          return {
            write: (bytes) => void pieces.push(bytes.toString("latin1")),
            end: async () => ({ fate: "done", text: "", queueId: 4711 }),
            abort: () => {},
          };
        },
      });
    });
    const talk = ["HELO client.test", "MAIL FROM:<a@b>", "RCPT TO:<c@far.test>", "DATA", "Subject: x\r\n\r\nbody\r\n."];
    const replies = await once(port, ...talk, "QUIT");
    assert.match(replies.at(-2)!, /^250 ok \d+ qp 4711$/);
    assert.deepEqual(envelopes, [["a@b", ["c@far.test"], "network"]]);
    assert.equal(pieces.length, 1);
    assert.match(
      pieces[0]!,
      /^Received: from unknown \(HELO client.test\) \(127.0.0.1\)\n {2}by mx.test with SMTP; .* -0000\nSubject: x\n\nbody\n$/,
    );
    const lines = logged.slice(1).map((line) => line.replace(/ id=\S+/, "").replace(/seconds=\S+/, "seconds=S"));
    assert.deepEqual(lines, [
      "smtpd accept ip=127.0.0.1 helo=client.test from=a@b to=c@far.test recipients=1 bytes=17 qp=4711",
      "smtpd session ip=127.0.0.1 helo=client.test accepted=1 rejected=0 bytes=17 seconds=S end=quit",
    ]);
    for (const socket of sockets) socket.destroy();
    door.close();
  });
});

test("sessions are limited in all, and the next one hears 421", async () => {
  await withSmtpd({ concurrencyincoming: "2", concurrencyperhost: "1" }, async ({ port, logged }) => {
    // The loopback has no limit by host.
    const clients = [await dial(port), await dial(port)];
    for (const client of clients) assert.equal(await client.reply(), "220 mx.test ESMTP");
    assert.deepEqual(await once(port), ["421 too many connections, try again later (#4.3.2)"]);
    assert.ok(logged.includes("smtpd refuse ip=127.0.0.1 reason=full"));
    assert.equal(await clients[0]!.ask("QUIT"), "221 mx.test");
    clients[0]!.close();
    assert.deepEqual(await once(port), ["220 mx.test ESMTP"]);
    clients[1]!.close();
  });
});

test("tcp.smtp denies without a word, and rules that cannot be read leave the old ones in force", async () => {
  await withSmtpd({ "tcp.smtp": localRules }, async ({ home, port, logged }) => {
    await writeFile(join(home, "control", "tcp.smtp"), ":allow,RELAYCLIENT=nonsense\n");
    assert.equal((await once(port, "MAIL FROM:<a@b>", "RCPT TO:<c@far.test>")).at(-1), "250 ok");
    assert.ok(logged.some((line) => /^alert: smtpd: control\/tcp.smtp line 1: .* stay in force$/.test(line)));
    await writeFile(join(home, "control", "tcp.smtp"), "127.0.0.0/8:deny\n:allow\n");
    assert.deepEqual(await once(port), ["(closed)"]);
    assert.ok(logged.includes("smtpd refuse ip=127.0.0.1 reason=rules"));
  });
});

test("from control/proxyfrom a PROXY header is required, and its client is who the rules judge", async () => {
  const rules = '198.51.100.7:allow,RELAYCLIENT=""\n:allow';
  await withSmtpd({ proxyfrom: "127.0.0.0/8", "tcp.smtp": rules }, async ({ port, logged }) => {
    const client = await dial(port);
    client.write("PROXY TCP4 198.51.100.7 192.0.2.25 40000 25\r\nHELO behind.test\r\n");
    assert.equal(await client.reply(), "220 mx.test ESMTP");
    assert.equal(await client.reply(), "250 mx.test");
    assert.equal(await client.ask("MAIL FROM:<a@b>"), "250 ok");
    assert.equal(await client.ask("RCPT TO:<c@far.test>"), "250 ok");
    assert.equal(await client.ask("QUIT"), "221 mx.test");
    client.close();
    const liar = await dial(port);
    liar.write("HELO direct.test\r\n");
    assert.equal(await liar.reply(), "(closed)");
    assert.ok(logged.some((line) => line.startsWith("smtpd session") && line.includes(" ip=198.51.100.7 ")));
    assert.ok(logged.includes("smtpd refuse ip=127.0.0.1 reason=proxy"));
  });
});

test("XCLIENT gives the client it names that client's rules, not the proxy's", async () => {
  const rules = '127.:allow,RELAYCLIENT=""\n198.51.100.7:allow,RELAYCLIENT=""\n198.51.100.66:deny\n:allow';
  await withSmtpd({ xclientfrom: "127.0.0.1", "tcp.smtp": rules }, async ({ port }) => {
    const relays = async (...before: string[]): Promise<string | undefined> =>
      (await once(port, ...before, "MAIL FROM:<a@b>", "RCPT TO:<c@far.test>")).at(-1);
    assert.equal(await relays(), "250 ok");
    assert.equal(await relays("XCLIENT ADDR=198.51.100.8"), noRelay);
    assert.equal(await relays("XCLIENT ADDR=198.51.100.7"), "250 ok");
    assert.equal(await relays("XCLIENT ADDR=198.51.100.7", "XCLIENT ADDR=198.51.100.8"), noRelay);
    assert.deepEqual(
      (await once(port, "XCLIENT ADDR=198.51.100.66")).at(-1),
      "421 no service for your address (#4.7.1)",
    );
  });
  await withSmtpd({ xclientfrom: "192.0.2.1" }, async ({ port }) => {
    assert.equal((await once(port, "XCLIENT ADDR=198.51.100.7")).at(-1), "550 insufficient authorization (#5.7.0)");
  });
});

test("QMAILQUEUE in the tcp rules sends that client's messages through a program (spec 2.3)", async () => {
  await withSmtpd({}, async ({ home, port }) => {
    const program = join(home, "qq");
    await writeFile(program, '#!/bin/sh\ncat >/dev/null; printf "Dnot from $TCPREMOTEIP" >&6; exit 82\n', {
      mode: 0o755,
    });
    await writeFile(join(home, "control", "tcp.smtp"), `127.:allow,QMAILQUEUE="${program}"\n`);
    const replies = await once(port, "MAIL FROM:<a@b>", "RCPT TO:<c@heaven.test>", "DATA", "x\r\n.");
    assert.equal(replies.at(-1), "554 not from 127.0.0.1");
  });
});

test("a recipient without a domain is taken, and gets envnoathost's where it is routed [Q-027]", async () => {
  await withSmtpd({ envnoathost: "qualified.test", locals: "qualified.test" }, async ({ home, port }) => {
    assert.equal((await once(port, "MAIL FROM:<>", "RCPT TO:<postmaster>")).at(-1), "250 ok");
    const routed = routeRecipient(parseAddress("postmaster")!, loadRouting(home));
    assert.deepEqual([routed.channel, routed.address], ["local", "postmaster@qualified.test"]);
  });
});

test("a service that closes sends waiting clients away and lets a message under way end", async () => {
  await withSmtpd({}, async ({ port, service, logged }) => {
    const waiting = await dial(port);
    assert.equal(await waiting.reply(), "220 mx.test ESMTP");
    const sending = await dial(port);
    await sending.reply();
    await sending.ask("MAIL FROM:<a@b>");
    await sending.ask("RCPT TO:<c@heaven.test>");
    assert.equal(await sending.ask("DATA"), "354 go ahead");
    const closing = service.close();
    assert.equal(await waiting.reply(), "421 service is shutting down, try again later (#4.3.2)");
    assert.equal(await waiting.reply(), "(closed)");
    // There is no queue in this house: the message is judged, then the session ends.
    assert.equal(await sending.ask("body\r\n."), "451 qq trouble making network connection (#4.3.0)");
    assert.equal(await sending.reply(), "421 service is shutting down, try again later (#4.3.2)");
    await closing;
    assert.equal(logged.filter((line) => line.endsWith("end=shutdown")).length, 2);
    waiting.close();
    sending.close();
  });
});

test("smtpd writes no file: what it leaves in its home is what it found [Q-269]", async () => {
  await withSmtpd({}, async ({ home, port, logged }) => {
    const before = await readdir(home, { recursive: true });
    const replies = await once(port, "HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@far.test>", "QUIT");
    assert.deepEqual(replies, ["220 mx.test ESMTP", "250 mx.test", "250 ok", noRelay, "221 mx.test"]);
    assert.deepEqual(await readdir(home, { recursive: true }), before);
    const [rejected, session] = logged.slice(1);
    assert.match(rejected!, /^smtpd reject id=\S+ ip=127.0.0.1 reason=rcpthosts code=553 from=a@b to=c@far.test$/);
    assert.match(
      session!,
      /^smtpd session id=\S+ ip=127.0.0.1 helo=x accepted=0 rejected=1 bytes=0 seconds=0\.\d+ end=quit$/,
    );
  });
});
