/** Mail for other hosts: to a sink, to a second Quail, to servers that refuse, and to names that cannot be looked up. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { getuid } from "node:process";
import { test } from "node:test";
import { freePort } from "../../bench/tools/processes.ts";
import { House, inbox, needs, readNew, until } from "./house.ts";
import { openScriptedServer } from "./scripted-server.ts";
import { SmtpClient, sendOne } from "./smtp-client.ts";

const noDns = "127.0.0.1:1\n"; // Nobody answers there: a test that looks a name up by mistake fails at once.

/** A Quail that relays mail for far.test to a port of this machine. */
function relayHouse(port: number, control: Readonly<Record<string, string>> = {}): Promise<House> {
  const routes = `far.test:127.0.0.1:${port}\n`;
  return House.open({
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: routes, dnsservers: noDns, ...control },
  });
}

test("200 messages over 10 connections reach smtp-sink, each once", { skip: needs("smtp-sink") }, async () => {
  const port = await freePort();
  const user = getuid?.() === 0 ? ["-u", "nobody"] : [];
  const sink = spawn("smtp-sink", ["-4", "-c", ...user, `127.0.0.1:${port}`, "200"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let counters = "";
  sink.stdout.on("data", (bytes: Buffer) => {
    counters = (counters + bytes.toString("latin1")).slice(-200);
  });
  const received = (): number => Number([...counters.matchAll(/mesg=([0-9]+)/g)].at(-1)?.[1] ?? 0);
  try {
    await using house = await relayHouse(port);
    const send = async (session: number): Promise<void> => {
      const client = await SmtpClient.open(house.ports.smtp);
      await client.command("EHLO client.test");
      for (let n = 0; n < 20; n++) {
        const reply = await client.send(
          "a@client.test",
          [`r${session}-${n}@far.test`],
          Buffer.from(`Subject: ${n}\n\nbody\n`),
        );
        assert.equal(reply.code, 250);
      }
      await client.quit();
    };
    await Promise.all(Array.from({ length: 10 }, (_, session) => send(session)));
    await until("200 messages at the sink", () => received() >= 200);
    await until("the queue is empty", () => house.log().match(/^.* end msg [0-9]+$/gm)?.length === 200);
    assert.equal(received(), 200);
  } finally {
    sink.kill();
  }
});

test("a second Quail is the remote: what arrives there differs by two more Received fields only", async () => {
  await using far = await House.open({
    control: { locals: "localhost\nfar.test\n", rcpthosts: "localhost\nfar.test\n", dnsservers: noDns },
  });
  await using near = await relayHouse(far.ports.smtp);
  const message = Buffer.from("Subject: two houses\nX-Bytes: \xe4\xff\n\n.\n..\n.x\n\0a\n", "latin1");
  assert.equal((await sendOne(near.ports.smtp, "a@client.test", ["you@far.test"], message)).code, 250);
  const [text = ""] = await far.mail(1);
  const fields =
    /^Return-Path: <a@client\.test>\nDelivered-To: you@far\.test\n(?:Received: [^\n]*\n(?: +[^\n]*\n)*){4}/;
  assert.match(text, fields);
  assert.equal(text.replace(fields, ""), message.toString("latin1"));
  await near.logged(
    /^delivery [0-9]+: success: 127\.0\.0\.1_accepted_message\.\/Remote_host_said:_250_(?:2\.0\.0_)?ok_[0-9]+_qp_[0-9]+\/$/,
  );
});

test("a bounce made far away comes home: unknown user at the second Quail", async () => {
  const nearPort = await freePort();
  await using far = await House.open({
    control: {
      locals: "far.test\n",
      rcpthosts: "far.test\n",
      rcptcheck: "0\n",
      smtproutes: `localhost:127.0.0.1:${nearPort}\n`,
      dnsservers: noDns,
    },
    words: [],
  });
  await using near = await relayHouse(far.ports.smtp);
  // The far house sends its bounce for you@localhost to a port that is only known now: a relay of one connection at a time.
  await using relay = await openScriptedServer(() => null, nearPort);
  assert.equal((await sendOne(near.ports.smtp, inbox, ["nobody@far.test"], "Subject: lost\n\nbody\n")).code, 250);
  const bounce = await until("the bounce", () => relay.taken[0] ?? null);
  assert.deepEqual([bounce.from, bounce.to], ["", [inbox]]);
  assert.match(bounce.bytes.toString("latin1"), /Sorry, no mailbox here by that name\. \(#5\.1\.1\)/);
});

test("a recipient refused with 550 comes back with the reply and who gave it [Q-194]", async () => {
  await using remote = await openScriptedServer((verb, argument) => {
    return verb === "RCPT" && argument.includes("nobody@") ? "550-no such\r\n550 user" : null;
  });
  await using house = await relayHouse(remote.port);
  const message = "Subject: to nobody\n\nthe body that comes back\n";
  assert.equal((await sendOne(house.ports.smtp, inbox, ["nobody@far.test"], message)).code, 250);
  const [bounce = ""] = await house.mail(1);
  assert.match(bounce, /^Return-Path: <>\n/);
  assert.match(
    bounce,
    /\n<nobody@far\.test>:\n127\.0\.0\.1 does not like recipient\.\nRemote host said: 550-no such\n550 user\nGiving up on 127\.0\.0\.1\.\n/,
  );
  assert.match(bounce, /\nthe body that comes back\n/);
});

test("a 4xx is tried again: after ALRM the message gets through [Q-194]", async () => {
  let refuse = true;
  await using remote = await openScriptedServer((verb) => (verb === "RCPT" && refuse ? "451 later" : null));
  await using house = await relayHouse(remote.port);
  assert.equal((await sendOne(house.ports.smtp, inbox, ["b@far.test"], "Subject: later\n\nbody\n")).code, 250);
  await house.logged(
    /^delivery 1: deferral: 127\.0\.0\.1_does_not_like_recipient\.\/Remote_host_said:_451_later\/Giving_up_on_127\.0\.0\.1\.\/$/,
  );
  refuse = false;
  house.signal("SIGALRM");
  await until("the message", () => remote.taken.length === 1);
  await house.logged(/^end msg /);
  assert.equal(readNew(house.maildir).size, 0, "nothing bounced");
});

test("a connection that dies after the final dot is tried again", async () => {
  let die = true;
  await using remote = await openScriptedServer((verb) => (verb === "." && die ? "421 dying" : null));
  await using house = await relayHouse(remote.port);
  assert.equal((await sendOne(house.ports.smtp, inbox, ["b@far.test"], "Subject: once more\n\nbody\n")).code, 250);
  await house.logged(/^delivery 1: deferral: /);
  die = false;
  house.signal("SIGALRM");
  await until("the message", () => remote.taken.length === 1);
});

test("without DNS mail waits: the report says so and nothing bounces", async () => {
  await using house = await House.open({ control: { rcpthosts: "localhost\nfar.test\n", dnsservers: noDns } });
  assert.equal((await sendOne(house.ports.smtp, inbox, ["b@far.test"], "Subject: no DNS\n\nbody\n")).code, 250);
  await house.logged(/^delivery 1: deferral: Sorry,_I_couldn't_find_any_host_by_that_name\._\(#4\.1\.2\)\/$/, 60_000);
  assert.equal(readNew(house.maildir).size, 0);
});
