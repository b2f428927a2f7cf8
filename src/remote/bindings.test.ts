import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ControlError } from "#control";
import type { Address } from "#mail";
import { connectTcp } from "#net";
import { bindingFor, readBindings } from "./bindings.ts";
import { makeDeliver } from "./deliver.ts";
import { job, talk, testWorld, willing } from "./testing/test-world.ts";

const ip = "192.0.2.1";
const zone = { "there.test": { a: [ip] }, "six.test": { aaaa: ["2001:db8::1"] } };
const bindings = {
  byDestination: new Map([
    ["198.51.100.", "10.0.0.1"],
    ["198.51.100.7", "10.0.0.2"],
    ["203.", "10.0.0.3"],
  ]),
  bySender: new Map([["here.test", "10.0.0.4"]]),
  usual: "10.0.0.5",
};

test("connections are made from the address for the destination, else for the sender's domain, else from outgoingip [Q-290]", () => {
  for (const [to, sender, from] of [
    ["198.51.100.7", "joe@here.test", "10.0.0.2"],
    ["198.51.100.70", "joe@here.test", "10.0.0.1"],
    ["203.0.113.1", "", "10.0.0.3"],
    [ip, "joe@HERE.test", "10.0.0.4"],
    [ip, "joe@sub.here.test", "10.0.0.5"],
    [ip, "", "10.0.0.5"],
    ["2001:db8::1", "joe@here.test", undefined],
  ] as const) {
    assert.equal(bindingFor(bindings, to, sender), from, `${to} ${sender}`);
  }
  const rest = { ...bindings, byDestination: new Map([["", "10.0.0.9"]]) };
  assert.equal(bindingFor(rest, ip, "joe@here.test"), "10.0.0.9");
  assert.equal(bindingFor({ ...bindings, bySender: new Map(), usual: "0.0.0.0" }, ip, ""), undefined);
  assert.equal(bindingFor({ ...bindings, usual: "2001:db8::9" }, "2001:db8::1", ""), "2001:db8::9");
});

test("deliveries are bound, and a session is shared only by senders bound alike [Q-290]", async (t) => {
  const once = willing;
  const world = await testWorld(t, { zone, hosts: { [ip]: [once, once] }, settings: { bindings } });
  const deliver = makeDeliver(world);
  assert.equal((await deliver(job("ann@there.test"))).fate, "done");
  assert.equal((await deliver({ ...job("ann@there.test"), sender: "x@other.test" as Address })).fate, "done");
  assert.deepEqual(world.tried, [`${ip}:25 from 10.0.0.4`, `${ip}:25 from 10.0.0.5`]);
});

test("the other side sees that address; one that is not ours is our trouble, and blames no host [Q-290]", async (t) => {
  const seen: (string | undefined)[] = [];
  const server = createServer((socket) => {
    seen.push(socket.remoteAddress);
    socket.end("421 seen\r\n");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const { port } = server.address() as { readonly port: number };
  for (const [usual, text] of [
    ["127.0.0.7", `Connected to ${ip} but greeting failed.\nRemote host said: 421 seen\n`],
    ["192.0.2.200", "System resources temporarily unavailable. (#4.3.0)\n"],
  ] as const) {
    const settings = { bindings: { byDestination: new Map(), bySender: new Map(), usual } };
    const world = await testWorld(t, { zone, settings });
    const connect: typeof connectTcp = (to, timeoutMs) => connectTcp({ ...to, host: "127.0.0.1", port }, timeoutMs);
    const outcome = await makeDeliver({ ...world, connect })(job("ann@there.test"));
    assert.deepEqual([outcome.fate, outcome.text], ["temporary", text]);
    assert.deepEqual(world.deadHosts.list(), []);
  }
  assert.deepEqual(seen, ["127.0.0.7"]);
});

test("the files are read, and an address that is none is an error", (t) => {
  const home = mkdtempSync(join(tmpdir(), "quail-bindings-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "control"));
  const put = (name: string, text: string): void => writeFileSync(join(home, "control", name), text);
  const none = { byDestination: new Map(), bySender: new Map(), usual: null };
  assert.deepEqual(readBindings(home), none);
  put("outgoingip", "192.0.2.1 \n");
  put("bindroutes", "198.51.100.:192.0.2.2\n:192.0.2.3\n");
  put("domainbindings", "Example.COM:192.0.2.4\n");
  assert.deepEqual(readBindings(home), {
    byDestination: new Map([
      ["198.51.100.", "192.0.2.2"],
      ["", "192.0.2.3"],
    ]),
    bySender: new Map([["example.com", "192.0.2.4"]]),
    usual: "192.0.2.1",
  });
  put("domainbindings", "example.com:there\n");
  assert.throws(() => readBindings(home), new ControlError('control/domainbindings: "there" is no IP address'));
});

test("control/finalgreeting: a 5xx greeting or HELO answer of every host tried bounces; else it defers (spec G19)", async (t) => {
  const two = {
    "there.test": {
      mx: [
        [10, "a.test"],
        [20, "b.test"],
      ] as const,
    },
    "a.test": { a: [ip] },
    "b.test": { a: ["192.0.2.2"] },
  };
  const never = "S: 554 go away";
  const name = talk().replace("S: 250 mx", "S: 550 who?\nC: HELO me.test\nS: 550 who?");
  const rows = [
    [never, [never], "permanent"],
    [never, [name], "permanent"],
    [never, ["S: 421 later"], "temporary"],
    [never, "refused", "temporary"],
    [never, "timeout", "temporary"],
    ["S: 421 later", [never], "temporary"],
    [never, [willing], "done"],
  ] as const;
  for (const [first, second, fate] of rows) {
    const hosts = { [ip]: [first], "192.0.2.2": second };
    const world = await testWorld(t, { zone: two, hosts, settings: { isGreetingFinal: true } });
    const outcome = await makeDeliver(world)(job("ann@there.test"));
    assert.equal(outcome.fate, fate, `${first} ${second}`);
    assert.ok(fate !== "permanent" || outcome.scope === undefined);
    const usual = await testWorld(t, { zone: two, hosts });
    assert.equal((await makeDeliver(usual)(job("ann@there.test"))).fate, fate === "done" ? "done" : "temporary");
  }
});
