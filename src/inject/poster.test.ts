import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { netstring } from "#bytes";
import type { Address, Envelope, Origin } from "#mail";
import { closeServer, listenUnix } from "#net";
import type { DoorAnswer } from "#qmtp";
import { doorOrDrop, posterFor } from "./poster.ts";
import { memoryPoster } from "./testing.ts";

const envelope: Envelope = { sender: "", recipients: ["joe@a.b" as Address] };
const origin: Origin = { invoker: "user", uid: 1 };
const temporaryAnswer: DoorAnswer = { fate: "temporary", text: "qq timeout (#4.3.0)", queueId: null };

function temporaryHome(): { home: string; [Symbol.dispose](): void } {
  const home = mkdtempSync(join(tmpdir(), "poster-"));
  return { home, [Symbol.dispose]: () => rmSync(home, { recursive: true }) };
}

/** Posts one small message. */
async function post(poster: Awaited<ReturnType<typeof posterFor>>): Promise<DoorAnswer> {
  const posting = poster.post(envelope, origin);
  await posting.write(Buffer.from("Subject: x\n"));
  await posting.write(Buffer.from("\nbody\n"));
  return posting.finish();
}

test("messages go to the door while somebody answers there, else into the drop folder", async () => {
  using place = temporaryHome();
  const doorPath = join(place.home, "door");
  const door = memoryPoster();
  const drop = memoryPoster({ fate: "done", text: "", queueId: null });
  const poster = doorOrDrop(place.home, {
    openDoor: () => door.poster,
    doorPath: () => doorPath,
    dropMessage: (_home, what, who) => drop.poster.post(what, who),
  });
  assert.equal((await post(poster)).queueId, null);
  assert.deepEqual([door.posted.length, drop.posted.length], [0, 1]);
  assert.equal(drop.posted[0]?.message, "Subject: x\n\nbody\n");

  const server = await listenUnix(doorPath, (socket) => socket.destroy());
  assert.equal((await post(poster)).queueId, 17);
  await closeServer(server);
  assert.equal((await post(poster)).queueId, 17, "a door that has answered is not tried out again");
  assert.deepEqual([door.posted.length, drop.posted.length], [2, 1]);
  await poster.close();
  assert.equal(door.state.closed, 1);
});

test("after a door has failed it is tried out again", async () => {
  using place = temporaryHome();
  const doorPath = join(place.home, "door");
  const failing = memoryPoster(temporaryAnswer);
  const drop = memoryPoster({ fate: "done", text: "", queueId: null });
  const poster = doorOrDrop(place.home, {
    openDoor: () => failing.poster,
    doorPath: () => doorPath,
    dropMessage: (_home, what, who) => drop.poster.post(what, who),
  });
  const server = await listenUnix(doorPath, (socket) => socket.destroy());
  assert.deepEqual(await post(poster), temporaryAnswer);
  await closeServer(server);
  assert.equal((await post(poster)).fate, "done");
  assert.equal(drop.posted.length, 1);
  const given = poster.post(envelope, origin);
  given.abort();
  await poster.close();
});

test("a home without a queue sends by QMQP to the servers of qmqpservers [Q-242]", async () => {
  using place = temporaryHome();
  for (const folder of ["bin", "control"]) mkdirSync(join(place.home, folder));
  symlinkSync("qmail-qmqpc", join(place.home, "bin", "qmail-queue"));
  let got = "";
  const server = createServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString("latin1");
      if (got.endsWith(",,")) socket.end(netstring("Kok 1 qp 2"));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  writeFileSync(join(place.home, "control", "qmqpservers"), `127.0.0.1:${address.port}\n`);
  const poster = await posterFor({}, place.home);
  assert.equal((await post(poster)).fate, "done");
  await poster.close();
  await closeServer(server);
  assert.equal(got, "34:17:Subject: x\n\nbody\n,0:,7:joe@a.b,,");
});
