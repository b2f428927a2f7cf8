import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { toBytes } from "#bytes";
import { type Address, done, type Outcome, type ReversePath } from "#mail";
import { connectUnix } from "#net";
import { openDoor } from "#qmtp";
import { serveCourier } from "#send/courier";
import { ceilingWatch } from "./courier-ceilings.ts";
import { serve } from "./queue.ts";

async function until(claim: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !claim(); await sleep(2)) {
    assert.ok(performance.now() < deadline, `gave up waiting: ${what}`);
  }
}

test("a concurrency above what the couriers take is reduced to that, and the log says so, once [Q-066]", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "quail-ceiling-"));
  for (const folder of ["control", "queue/drop", "run"]) mkdirSync(join(home, folder), { recursive: true });
  const controls = { me: "mail.test", concurrencyremote: "8", concurrencylocal: "10" };
  for (const [file, text] of Object.entries(controls)) writeFileSync(join(home, "control", file), `${text}\n`);
  const lines: string[] = [];
  const service = await serve({ home, options: new Map(), log: (line) => lines.push(line) });
  const door = openDoor(home);

  const running: ((outcome: Outcome) => void)[] = [];
  let most = 0;
  const deliver = (): Promise<Outcome> =>
    new Promise((end) => {
      running.push(end);
      most = Math.max(most, running.length);
    });
  const socket = await connectUnix(join(home, "queue", "remote"));
  assert.ok("write" in socket);
  t.after(async () => {
    for (const end of running) end(done());
    await door.close();
    await service.close();
    socket.destroy();
    rmSync(home, { recursive: true, force: true });
  });
  const ceiling = 3;
  serveCourier(socket, deliver, ceiling);

  const recipients = Array.from({ length: 10 }, (_, n) => `joe@far${n}.test` as Address);
  const posting = door.post({ sender: "s@a.test" as ReversePath, recipients }, { invoker: "user", uid: 1000 });
  await posting.write(toBytes("Subject: x\n\nbody\n"));
  assert.equal((await posting.finish()).fate, "done");
  for (let ended = 0; ended < recipients.length; ended++) {
    const left = recipients.length - ended;
    await until(() => running.length === Math.min(ceiling, left), `${ceiling} deliveries, or all of the ${left} left`);
    running.shift()!(done());
  }
  await until(() => lines.some((line) => line.startsWith("end msg")), "the end of the message");
  assert.equal(most, ceiling);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("warning: control/concurrency")),
    ["warning: control/concurrencyremote is 8, but its couriers take 3 at a time: 3 is the limit"],
  );
});

test("couriers that come back with the same ceiling are no news; another one is; enough ends it", () => {
  const lines: string[] = [];
  let ceiling = 0;
  const look = ceilingWatch({
    concurrency: { local: 10, remote: 8 },
    outlets: { local: { ceiling: () => 10_000 }, remote: { ceiling: () => ceiling } },
    log: (line) => lines.push(line),
  });
  const heard = (now: number): number => {
    ceiling = now;
    look();
    return lines.length;
  };
  assert.deepEqual([0, 3, 3, 0, 3, 5, 8, 20, 5].map(heard), [0, 1, 1, 1, 1, 2, 2, 2, 3]);
  assert.equal(lines[1], "warning: control/concurrencyremote is 8, but its couriers take 5 at a time: 5 is the limit");
});
