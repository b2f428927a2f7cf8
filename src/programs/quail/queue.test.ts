import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Address, parseAddress, type ReversePath } from "#mail";
import { openDoor } from "#qmtp";
import { serve } from "../../services/queue.ts";
import { main as qread } from "../qmail/qmail-qread.ts";
import { main as qstat } from "../qmail/qmail-qstat.ts";
import { programHouse } from "../testing/program-house.ts";
import { main as queue } from "./queue.ts";

const address = (text: string): Address => parseAddress(text)!;

/** A home whose queue service is at work but delivers nothing (no courier knocks), and a way to post to it. */
async function queueHouse(t: TestContext) {
  const house = programHouse(t, { queue, qread, qstat }, { me: "heaven.test\n" });
  mkdirSync(join(house.home, "run"));
  const service = await serve({ home: house.home, options: new Map(), log: () => {} });
  const door = openDoor(house.home);
  let running = true;
  const stop = async (): Promise<void> => {
    if (!running) return;
    running = false;
    await door.close();
    await service.close();
  };
  t.after(stop);
  const post = async (sender: string, to: readonly string[], text: string): Promise<number> => {
    const envelope = { sender: sender as ReversePath, recipients: to.map(address) };
    const posting = door.post(envelope, { invoker: "user", uid: process.getuid?.() ?? 0 });
    await posting.write(Buffer.from(text));
    const answer = await posting.finish();
    assert.equal(answer.fate, "done", answer.text);
    return answer.queueId!;
  };
  return { ...house, post, stop };
}

test("the queue is listed, shown and counted with its service and without [Q-258]", async (t) => {
  const house = await queueHouse(t);
  assert.equal(
    (await house.run(["qstat"])).said,
    "messages in queue: 0\nmessages in queue but not yet preprocessed: 0\n",
  );
  const first = await house.post("joe@heaven.test", ["ann@far.test", "bob@heaven.test"], "Subject: one\n\nbody 1\n");
  const second = await house.post("", ["eve@far.test"], "Subject: two\n\nbody 2\n");
  await house.stop();
  writeFileSync(join(house.home, "queue", "drop", "1.2.3"), "");
  writeFileSync(join(house.home, "queue", "drop", ".4.5.6"), "");
  assert.equal(
    (await house.run(["qstat"])).said,
    "messages in queue: 3\nmessages in queue but not yet preprocessed: 1\n",
  );
  const listed = (await house.run(["qread"])).said;
  assert.match(
    listed,
    new RegExp(
      `^.* GMT {2}#${first} {2}\\d+ {2}<joe@heaven.test> \n\tlocal\tbob@heaven.test\n\tremote\tann@far.test\n`,
    ),
  );
  assert.match(listed, new RegExp(`\n.* GMT {2}#${second} {2}\\d+ {2}<> \n\tremote\teve@far.test\n$`));
  const table = await house.run(["queue", "list", "--sender", "joe@*"]);
  assert.match(
    table.said,
    new RegExp(`^ +ID .*\n +${first} .* 2/2 .*<joe@heaven.test> -> ann@far.test and 1 more\n1 message\n$`),
  );
  const facts = JSON.parse((await house.run(["queue", "--json", "--recipient", "@far.test"])).said) as { id: number }[];
  assert.deepEqual(
    facts.map(({ id }) => id),
    [first, second],
  );
  const one = await house.run(["queue", "show", String(first), "--body"]);
  assert.match(one.said, /Received: \(qmail \d+ invoked by uid \d+\); .*\nSubject: one\n\nbody 1\n$/);
  assert.doesNotMatch((await house.run(["queue", "show", String(first)])).said, /body 1/);
  assert.match(
    (await house.run(["queue", "show", String(first), "--raw"])).said,
    /^Received: .*\nSubject: one\n\nbody 1\n$/,
  );
  assert.deepEqual(await house.run(["queue", "show", "999"]), {
    code: 1,
    said: "quail queue: there is no message 999 in the queue\n",
  });
});

test("messages are held, released, expired and removed through the service", async (t) => {
  const house = await queueHouse(t);
  const first = String(await house.post("joe@heaven.test", ["ann@far.test"], "\n"));
  const second = String(await house.post("jim@heaven.test", ["eve@far.test"], "\n"));
  assert.deepEqual(await house.run(["queue", "hold", first]), { code: 0, said: "1 message held\n" });
  assert.match((await house.run(["queue", "list", "--held"])).said, new RegExp(` ${first} .*\n1 message\n$`));
  assert.deepEqual(await house.run(["queue", "release", "--all"]), {
    code: 0,
    said: "1 message released, 1 unchanged\n",
  });
  assert.equal((await house.run(["queue", "expire", "--sender", "jim@heaven.test"])).said, "1 message expired\n");
  assert.match((await house.run(["queue", "show", second])).said, /expired: bounces at the next attempt/);
  assert.equal((await house.run(["queue", "renew", second])).said, "1 message renewed\n");
  assert.deepEqual(await house.run(["queue", "retry", "--all"]), { code: 0, said: "every message is due now\n" });
  assert.equal((await house.run(["queue", "remove", second, "--dry-run"])).said, `would be removed: ${second}\n`);
  assert.deepEqual(await house.run(["queue", "remove", second, "999"]), {
    code: 1,
    said: "quail queue: there is no message 999 in the queue\n1 message removed\n",
  });
  assert.match((await house.run(["queue"])).said, /\n1 message\n$/);
  await house.stop();
  assert.deepEqual(await house.run(["queue", "hold", first]), {
    code: 111,
    said: "quail queue: fatal: the queue service is not running\n",
  });
});

test("a change must say what it means", async (t) => {
  const house = programHouse(t, { queue, qread }, { me: "heaven.test\n" });
  assert.deepEqual(await house.run(["qread"]), {
    code: 111,
    said: `qmail-qread: fatal: unable to chdir: ${house.home}/queue: file does not exist\n`,
  });
  mkdirSync(join(house.home, "queue"));
  assert.deepEqual(await house.run(["qread"]), { code: 0, said: "" });
  for (const words of [
    ["remove"],
    ["hold", "x"],
    ["list", "--channel", "both"],
    ["list", "--older", "soon"],
    ["frob"],
  ]) {
    assert.equal((await house.run(["queue", ...words])).code, 100, words.join(" "));
  }
});
