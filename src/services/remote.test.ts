import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Address, DeliveryJob } from "#mail";
import { closeServer, listenUnix } from "#net";
import { askTcpok, askTcpto } from "#remote";
import { type CourierLink, linkCourier } from "#send";
import { startScripted } from "#smtp/client/testing";
import { serve } from "./remote.ts";

const willing = "C: *\nS: 250 ok\nC: *\nS: 250 ok\nC: DATA\nS: 354 go\nMESSAGE\nS: 250 taken";

function makeHome(t: TestContext, controls: Readonly<Record<string, string>>): string {
  const home = mkdtempSync(join(tmpdir(), "quail-remote-"));
  t.after(() => rmSync(home, { recursive: true }));
  for (const folder of ["control", "queue", "run"]) mkdirSync(join(home, folder));
  for (const [name, text] of Object.entries(controls)) writeFileSync(join(home, "control", name), text);
  return home;
}

/** The queue's end of `queue/remote`. */
async function startQueue(home: string): Promise<{ courier: Promise<CourierLink>; close: () => Promise<void> }> {
  let known: (courier: CourierLink) => void;
  const courier = new Promise<CourierLink>((done) => {
    known = done;
  });
  const sockets: Socket[] = [];
  const server = await listenUnix(join(home, "queue", "remote"), (socket) => {
    sockets.push(socket);
    const link: CourierLink = linkCourier(socket, () => link.ceiling() > 0 && known(link));
  });
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await closeServer(server);
  };
  return { courier, close };
}

const job = (recipient: string): DeliveryJob => ({
  queueId: 1,
  bornAtMs: 0,
  index: 0,
  sender: "",
  recipient: recipient as Address,
  again: false,
  awaited: false,
  route: null,
  message: { sizeBytes: 3, whole: Buffer.from("hi\n"), read: async () => Buffer.from("hi\n") },
});

test("the service finds the queue, delivers with the control files as they are, and finds a queue that restarts", async (t) => {
  await using server = await startScripted([`S: 220 mx\nC: EHLO me.test\nS: 250 mx\n${willing}`]);
  const home = makeHome(t, { me: "me.test\n", smtproutes: `:[127.0.0.1]:${server.port}\n` });
  const log: string[] = [];
  const service = await serve({ home, options: new Map([["concurrency", "7"]]), log: (line) => log.push(line) });
  const queue = await startQueue(home);
  const courier = await queue.courier;
  assert.equal(courier.ceiling(), 7);
  assert.deepEqual(await courier.deliver(job("ann@there.test")), {
    fate: "done",
    text: "127.0.0.1 accepted message.\nRemote host said: 250 taken\n",
  });
  writeFileSync(join(home, "control", "smtproutes"), "there.test:[192.0.2.1.5]\n");
  writeFileSync(join(home, "control", "dnsservers"), "127.0.0.1:1\n");
  assert.deepEqual(await courier.deliver(job("ann@there.test")), {
    fate: "temporary",
    text: "Sorry, I couldn't find any host by that name. (#4.1.2)\n",
    scope: "host",
  });
  rmSync(join(home, "control", "me"));
  const deferred = await courier.deliver(job("ann@there.test"));
  assert.ok(typeof deferred !== "string");
  assert.equal(deferred.text, "Unable to read control files. (#4.3.0)\n");
  await queue.close();
  const second = await startQueue(home);
  assert.equal((await second.courier).ceiling(), 7);
  await service.close();
  await second.close();
  assert.equal(log[0], "remote: queue found");
  assert.match(log[1] ?? "", /^remote: unable to read control files reason=/);
  assert.deepEqual(log.slice(2), ["remote: queue lost", "remote: queue found"]);
});

test("a service that is told to stop finishes the delivery under way", async (t) => {
  await using server = await startScripted([
    `S: 220 mx\nC: EHLO me.test\ns: 250 mx and some more text to take its time\n${willing}`,
  ]);
  const home = makeHome(t, { me: "me.test\n", smtproutes: `:[127.0.0.1]:${server.port}\n` });
  const queue = await startQueue(home);
  const service = await serve({ home, options: new Map(), log: () => {} });
  const outcome = (await queue.courier).deliver(job("ann@there.test"));
  while (server.commands(0).length === 0) await new Promise((done) => setTimeout(done, 5));
  await service.close();
  assert.ok(typeof (await outcome) !== "string");
  await queue.close();
});

test("run/remote answers for the table of dead hosts; without a service asking says why [Q-196]", async (t) => {
  const home = makeHome(t, { me: "me.test\n" });
  await assert.rejects(askTcpto(home), { code: "ENOENT" });
  const service = await serve({ home, options: new Map(), log: () => {} });
  const second = await serve({ home, options: new Map([["name", "remote-2"]]), log: () => {} });
  assert.deepEqual(await askTcpto(home), []);
  await askTcpok(home);
  await second.close();
  await service.close();
});

test("QMAILREMOTE comes as an option of the service [Q-199]", async (t) => {
  const home = makeHome(t, { me: "me.test\n" });
  const program = join(home, "program");
  writeFileSync(program, "#!/bin/sh\nprintf 'r\\0K%s\\n\\0' \"$*\"\n", { mode: 0o755 });
  const queue = await startQueue(home);
  const service = await serve({ home, options: new Map([["program", program]]), log: () => {} });
  const outcome = await (await queue.courier).deliver(job("ann@there.test"));
  assert.deepEqual(outcome, { fate: "done", text: "there.test  ann@there.test\n" });
  await service.close();
  await queue.close();
});
