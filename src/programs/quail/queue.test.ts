import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { type Address, parseAddress, type ReversePath } from "#mail";
import { runInProcess } from "#process";
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

test("what cannot be taken back asks when it means several messages that nobody named", async (t) => {
  const house = await queueHouse(t);
  const first = await house.post("joe@heaven.test", ["ann@far.test"], "\n");
  const second = await house.post("jim@heaven.test", ["eve@FAR.test", "bob@near.test"], "\n");
  const third = await house.post("jim@heaven.test", ["bob@near.test"], "\n");
  assert.deepEqual(await house.run(["queue", "remove", "--domain", "far.test"]), {
    code: 100,
    said: "quail queue: remove 2 messages? Say so with --yes; --dry-run shows which.\n",
  });
  assert.equal((await house.run(["queue", "expire", "--all"])).code, 100);
  assert.equal((await house.run(["queue", "hold", "--domain", "far.test"])).said, "2 messages held\n");
  assert.deepEqual(JSON.parse((await house.run(["queue", "release", "--all", "--json"])).said), {
    verb: "release",
    dryRun: false,
    done: [first, second],
    unchanged: [third],
    unknown: [],
  });
  assert.equal((await house.run(["queue", "remove", "--domain", "far.test", "--yes"])).said, "2 messages removed\n");
  assert.equal((await house.run(["queue", "remove", String(third)])).said, "1 message removed\n");
});

test("on a terminal it asks, and takes only yes for yes", async (t) => {
  const house = await queueHouse(t);
  await house.post("joe@heaven.test", ["ann@far.test"], "\n");
  await house.post("joe@heaven.test", ["ann@far.test"], "\n");
  const typed = async (text: string) => {
    const stdin = Object.assign(Readable.from([Buffer.from(text)]), { isTTY: true });
    const index = (name: string) => (name === "queue" ? async () => queue : undefined);
    const call = { env: { QUAIL_HOME: house.home }, cwd: house.home, stdin };
    const result = await runInProcess(index, ["queue", "remove", "--all"], call);
    return { code: result?.code, said: result?.output.toString() ?? "" };
  };
  for (const answer of ["n\n", "\n", "yesterday\n", ""]) assert.equal((await typed(answer)).code, 100, answer);
  assert.match((await typed("yes\n")).said, /remove 2 messages\? \[y\/N\] .*2 messages removed\n$/s);
});

test("check finds nothing in a healthy queue, and repairs a damaged one without losing anything while the service is stopped", async (t) => {
  const house = await queueHouse(t);
  const well = { code: 0, said: "the queue is well\n" };
  const id = await house.post("joe@heaven.test", ["ann@far.test", "bob@heaven.test"], "\n");
  const large = await house.post("joe@heaven.test", ["ann@far.test"], "x".repeat(200_000));
  assert.deepEqual(await house.run(["queue", "check"]), well);
  assert.deepEqual(await house.run(["queue", "check", "--fix"]), {
    code: 111,
    said: "quail queue: fatal: the queue service is running; stop it first\n",
  });
  await house.stop();
  assert.deepEqual(await house.run(["queue", "check"]), well);
  const queueFolder = join(house.home, "queue");
  const database = new DatabaseSync(join(queueFolder, "queue.db"));
  database.exec(
    `DELETE FROM body WHERE message = ${id}; INSERT INTO body VALUES (900, 'x'); UPDATE meta SET value = 2`,
  );
  database.exec("INSERT INTO recipient VALUES (900, 0, 'a@b', 0, '', 0, 0, 0, 0, '')");
  database.close();
  rmSync(join(queueFolder, "mess", String(large % 23), String(large)));
  writeFileSync(join(queueFolder, "mess", "16", "17000"), "in the wrong folder");
  writeFileSync(join(queueFolder, "mess", "3", "note"), "");
  writeFileSync(join(queueFolder, "mess", String(17000 % 23), "17000"), "orphan");
  const found = await house.run(["queue", "check"]);
  assert.equal(found.code, 1);
  assert.match(found.said, new RegExp(`message ${id} has no body .*\n    --fix would: take it out of the queue`));
  const fixed = await house.run(["queue", "check", "--fix", "--json"]);
  assert.equal(fixed.code, 1, "a file that does not belong there is told, not touched");
  const { faults } = JSON.parse(fixed.said) as { faults: { kind: string; id: number | null; repair: string | null }[] };
  assert.deepEqual(faults.map(({ kind }) => kind).sort(), [
    "lost-body",
    "lost-body",
    "next-number",
    "orphan-file",
    "stray-file",
    "stray-file",
    "stray-rows",
    "stray-rows",
  ]);
  const lost = readFileSync(join(queueFolder, "lost", `${id}.json`), "utf8");
  assert.deepEqual(
    (JSON.parse(lost) as { recipients: { address: string }[] }).recipients.map(({ address }) => address),
    ["bob@heaven.test", "ann@far.test"].sort(),
  );
  assert.equal(readFileSync(join(queueFolder, "lost", "17000"), "utf8"), "orphan");
  assert.ok(readFileSync(join(queueFolder, "mess", "3", "note")));
  assert.match(
    (await house.run(["queue", "check"])).said,
    /does not belong there\n(.*does not belong there\n)?\d faults/,
  );
});

test("queued recipients are routed again by today's control files, or sent elsewhere, while the service is stopped", async (t) => {
  const house = await queueHouse(t);
  const id = await house.post("joe@heaven.test", ["ann@far.test", "eve@other.test"], "\n");
  const recipients = async (): Promise<readonly string[]> => {
    const { said } = await house.run(["queue", "show", String(id), "--json"]);
    const { recipients: all } = JSON.parse(said) as { recipients: { channel: string; address: string }[] };
    return all.map(({ channel, address }) => `${channel} ${address}`);
  };
  assert.match((await house.run(["queue", "route", String(id)])).said, /the queue service is running; stop it first/);
  await house.stop();
  assert.deepEqual(await recipients(), ["remote ann@far.test", "remote eve@other.test"]);
  assert.equal((await house.run(["queue", "route", String(id)])).said, "0 messages routed anew, 1 unchanged\n");
  writeFileSync(join(house.home, "control", "locals"), "heaven.test\nfar.test\n");
  assert.equal((await house.run(["queue", "route", "--all"])).said, "1 message routed anew\n");
  assert.deepEqual(await recipients(), ["local ann@far.test", "remote eve@other.test"]);
  writeFileSync(join(house.home, "control", "virtualdomains"), "other.test:oth\n");
  await house.run(["queue", "route", String(id)]);
  assert.deepEqual(await recipients(), ["local ann@far.test", "local oth-eve@other.test"]);
  assert.equal((await house.run(["queue", "route", "--domain", "other.test", "--to", "bob@near.test"])).code, 0);
  assert.deepEqual(await recipients(), ["local ann@far.test", "remote bob@near.test"]);
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
