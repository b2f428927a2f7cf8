import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { Address, DeliveryJob } from "#mail";
import { connectTcp } from "#net";
import { attempt } from "./attempt.ts";
import { makeDeliver } from "./deliver.ts";
import { type Change, job, source, testWorld, willing } from "./testing/test-world.ts";

const ip = "192.0.2.1";
const zoneOf = (preference: number) => ({
  "there.test": { mx: [[preference, "mx.there.test"]] as const },
  "mx.there.test": { a: [ip] },
});
const net = (text: string): string => `${text.length}:${text},`;

/** A QMTP server that takes a package of this many bytes, then says `reply` and hangs up. */
async function qmtpServer(t: TestContext, reply: string, packageBytes: number) {
  const heard: string[] = [];
  const server = createServer((socket) => {
    let text = "";
    const at = heard.push("") - 1;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      heard[at] = text;
      if (text.length >= packageBytes) socket.end(reply, "latin1");
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  return { heard, port: (server.address() as AddressInfo).port };
}

const text = "Subject: x\n\n.hi\n";
const packageFor = (...to: readonly string[]): string =>
  `${text.length + 1}:\n${text},${net("joe@here.test")}${net(to.map(net).join(""))}`;
const names = ["ann@there.test", "bob@there.test"];
const jobs = (recipients: readonly string[]): readonly DeliveryJob[] =>
  recipients.map((recipient, index) => ({ ...job(recipient, source(text)), index }));

/** Deliveries given out together to an MXPS exchanger whose QMTP port answers with `reply`. */
async function overQmtp(t: TestContext, reply: string, recipients: readonly string[], change: Change = {}) {
  const wanted = packageFor(...recipients);
  const { heard, port } = await qmtpServer(t, reply, wanted.length);
  const world = await testWorld(t, { zone: zoneOf(12_801), ...change });
  const connect: typeof world.connect = (to, timeoutMs) => {
    if (to.port !== 209) return world.connect(to, timeoutMs);
    world.tried.push(`${to.host}:${to.port}`);
    return connectTcp({ host: "127.0.0.1", port }, timeoutMs);
  };
  const deliver = makeDeliver({ ...world, connect });
  const outcomes = await Promise.all(jobs(recipients).map(deliver));
  return { outcomes: outcomes.map(({ fate, text: said }) => [fate, said]), heard, wanted, tried: world.tried };
}

const accepted = ["done", `${ip} accepted message.\nRemote host said: ok 1700000000 qp 7\n`];
const ok = net("Kok 1700000000 qp 7");

test("an exchanger of an MXPS preference gets the message by QMTP, all recipients in one package [Q-297]", async (t) => {
  const { outcomes, heard, wanted, tried } = await overQmtp(t, ok + ok, names);
  assert.deepEqual(outcomes, [accepted, accepted]);
  assert.deepEqual(heard, [wanted]);
  assert.deepEqual(tried, [`${ip}:209`]);
});

test("the MXPS preferences are 12801 + 16k, k from 0 to 15, and no others [Q-297]", async (t) => {
  for (const [preference, port] of [
    [12_801, 209],
    [12_817, 209],
    [13_041, 209],
    [13_057, 25],
    [12_800, 25],
    [12_785, 25],
    [10, 25],
  ] as const) {
    const world = await testWorld(t, { zone: zoneOf(preference), hosts: { [ip]: "refused" } });
    await makeDeliver(world)(job("ann@there.test"));
    assert.equal(world.tried[0], `${ip}:${port}`, String(preference));
  }
});

test("each recipient fares as its own reply, a lost connection leaves those without one uncertain [Q-297]", async (t) => {
  const mixed = await overQmtp(t, ok + net("Dno bob (#5.1.1)"), names);
  assert.deepEqual(mixed.outcomes, [
    accepted,
    ["permanent", `${ip} does not like recipient.\nRemote host said: no bob (#5.1.1)\n`],
  ]);
  const refused = await overQmtp(t, net("Znot now (#4.3.0)") + net("Dnever"), names);
  assert.deepEqual(refused.outcomes, [
    ["temporary", `${ip} does not like recipient.\nRemote host said: not now (#4.3.0)\nGiving up on ${ip}.\n`],
    ["permanent", `${ip} does not like recipient.\nRemote host said: never\nGiving up on ${ip}.\n`],
  ]);
  const lost = `Connected to ${ip} but connection died. Possible duplicate! (#4.4.2)\n`;
  assert.deepEqual((await overQmtp(t, ok, names)).outcomes, [accepted, ["temporary", lost]]);
  for (const reply of ["", "3:", "junk", "0:,", "2:Xx,", "99999:K", net("K").replace(",", ";")]) {
    assert.deepEqual((await overQmtp(t, reply, names)).outcomes, Array(2).fill(["temporary", lost]), reply);
  }
});

test("SMTP is for when the QMTP connection does not come about, and for nothing else [Q-297]", async (t) => {
  for (const failure of ["refused", "timeout", "unreachable"] as const) {
    const world = await testWorld(t, { zone: zoneOf(12_817), hosts: { [`${ip}:209`]: failure, [ip]: [willing] } });
    assert.equal((await makeDeliver(world)(job("ann@there.test"))).fate, "done");
    assert.deepEqual(world.tried, [`${ip}:209`, `${ip}:25`]);
    // A QMTP port that is filtered says nothing about SMTP at that host.
    assert.deepEqual(
      world.deadHosts.list().map(({ address }) => address),
      failure === "timeout" ? [`${ip}:209`] : [],
    );
  }
  const died = await testWorld(t, { zone: zoneOf(12_817), hosts: { [`${ip}:209`]: ["CLOSE"], [ip]: [willing] } });
  const { fate } = await makeDeliver(died)(job("ann@there.test", source("x".repeat(5_000_000), true)));
  assert.equal(fate, "temporary");
  assert.deepEqual(died.tried, [`${ip}:209`]);
});

test("control/qmtproutes: like smtproutes and before it, port 209 unless told, SMTP at port 25 of the same relay else [Q-297]", async (t) => {
  const change = {
    routes: { "there.test": "[192.0.2.9]:26", "both.test": "[192.0.2.9]" },
    qmtpRoutes: { ".test": "[192.0.2.2]", "both.test": "[192.0.2.3]:2209", "mx.test": "" },
    zone: { "mx.test": { a: [ip] } },
  };
  for (const [host, tried] of [
    ["there.test", ["192.0.2.9:26"]],
    ["other.test", ["192.0.2.2:209", "192.0.2.2:25"]],
    ["both.test", ["192.0.2.3:2209", "192.0.2.3:25"]],
    ["mx.test", [`${ip}:25`]],
  ] as const) {
    const world = await testWorld(t, change);
    await makeDeliver(world)(job(`ann@${host}`));
    assert.deepEqual(world.tried, tried, host);
  }
});

test("no QMTP where TLS is required, or the message's length is not known", async (t) => {
  const hosts = { [ip]: "refused" } as const;
  const safe = await testWorld(t, { zone: zoneOf(12_801), hosts });
  const tlsPolicy = () => ({ kind: "verified", authorities: Buffer.alloc(0) }) as const;
  await makeDeliver({ ...safe, tlsPolicy })(job("ann@there.test"));
  assert.deepEqual(safe.tried, [`${ip}:25`]);
  const world = await testWorld(t, { zone: zoneOf(12_801), hosts });
  const body = { sizeBytes: null, eightBit: false, pieces: () => [] };
  await attempt("there.test", { sender: "", recipients: ["ann@there.test" as Address], body }, world);
  assert.deepEqual(world.tried, [`${ip}:25`]);
});

test("a message that cannot be read goes to nobody", async (t) => {
  const message = { sizeBytes: 100, whole: null, read: () => Promise.reject(new Error("gone")) };
  const world = await testWorld(t, { zone: zoneOf(12_801), hosts: { [`${ip}:209`]: ["SOME\nWAIT"] } });
  assert.deepEqual(await makeDeliver(world)(job("ann@there.test", message)), {
    fate: "temporary",
    text: "Unable to read message. (#4.3.0)\n",
  });
});
