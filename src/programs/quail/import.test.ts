import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type DeliveryJob, done } from "#mail";
import { connectUnix } from "#net";
import { buildClassicQueue } from "#operate/import/testing";
import { serveCourier } from "#send/courier";
import { serve } from "../../services/queue.ts";
import { main as qread } from "../qmail/qmail-qread.ts";
import { main as qstat } from "../qmail/qmail-qstat.ts";
import { programHouse } from "../testing/program-house.ts";
import { main as importer } from "./import.ts";
import { main as queue } from "./queue.ts";
import { refuseQmail } from "./start/fresh-home.ts";

const born = Math.floor(Date.now() / 1000) - 3600;

function importHouse(t: TestContext) {
  const house = programHouse(t, { import: importer }, { me: "heaven.test\n" });
  const classic = join(house.home, "old");
  const build = buildClassicQueue(classic);
  build.todo(7, "x\n", "joe@heaven.test", ["ann@far.test", "bob@heaven.test"], born);
  build.preprocessed(8, "y\n", { sender: "", local: ["Djoe@heaven.test", "Tjim@heaven.test"], born });
  return { ...house, classic, build };
}

test("quail import queue says what it would take, takes it, and says where the files are [S-081]", async (t) => {
  const { run, classic } = importHouse(t);
  const summary = "2 messages: 2 local and 1 remote recipients wait, 1 are done, 0 failed\n";
  assert.deepEqual(await run(["import", "queue", classic, "--dry-run"]), { code: 0, said: `to take over ${summary}` });
  assert.deepEqual(await run(["import", "queue", "old"]), {
    code: 0,
    said: `took over ${summary}their files lie in ${join(classic, "imported")}\n`,
  });
  const { said } = await run(["import", "queue", classic, "--json"]);
  assert.deepEqual(JSON.parse(said), {
    dryRun: false,
    aside: join(classic, "imported"),
    messages: 0,
    earlier: 0,
    finished: 0,
    unfinished: 0,
    recipients: { local: 0, remote: 0, done: 0, failed: 0 },
    troubles: [],
  });
});

test("a queue of the big-todo layout, taken in, is read by all queue tools [Q-292]", async (t) => {
  const { run, home } = programHouse(t, { import: importer, qread, qstat, queue }, { me: "heaven.test\n" });
  const build = buildClassicQueue(join(home, "old"), { bigTodo: true });
  build.todo(30, "x\n", "joe@heaven.test", ["ann@far.test"], born);
  build.preprocessed(31, "y\n", { sender: "jim@heaven.test", local: ["Djoe@heaven.test", "Tkim@heaven.test"], born });
  assert.equal((await run(["import", "queue", "old"])).code, 0);
  const stat = "messages in queue: 2\nmessages in queue but not yet preprocessed: 0\n";
  assert.equal((await run(["qstat"])).said, stat);
  const listed = (await run(["qread"])).said;
  assert.match(listed, /<joe@heaven.test> \n\tremote\tann@far.test\n/);
  assert.match(listed, /<jim@heaven.test> \n {2}done\tlocal\tjoe@heaven.test\n\tlocal\tkim@heaven.test\n/);
  assert.match((await run(["queue"])).said, / 1\/2 .*<jim@heaven.test> -> kim@heaven.test\n2 messages\n$/);
});

test("trouble is told: exit code 1 for damaged messages, 111 and one sentence when it cannot begin, 100 for usage", async (t) => {
  const { run, classic, build } = importHouse(t);
  build.file("local", 8, "Tjim");
  const { code, said } = await run(["import", "queue", classic]);
  assert.equal(code, 1);
  assert.match(said, /message 8 left: local\/8\/8 ends in the middle of a record\n/);
  assert.deepEqual(await run(["import", "queue", "/nowhere"]), {
    code: 111,
    said: "quail import: fatal: there is no folder /nowhere\n",
  });
  assert.equal((await run(["import", "mailboxes", classic])).code, 100);
  assert.equal((await run(["import", "queue", classic, "--force"])).code, 100);
  assert.equal((await run(["import", "--help"])).code, 0);
});

test("the queue service goes on with what was taken over: what is not done, with its age and its VERP sender; bounces are sent [S-081]", async (t) => {
  const { run, home, classic, build } = importHouse(t);
  build.preprocessed(9, "Subject: z\n\nz\n", {
    sender: "list-@heaven.test-@[]",
    remote: ["Dann@far.test", "Tzoe@far.test"],
    born,
  });
  build.preprocessed(10, "Subject: lost\n\n", {
    sender: "kim@far.test",
    bounce: "<gone@heaven.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n",
    born,
  });
  assert.equal((await run(["import", "queue", classic])).code, 0);
  mkdirSync(join(home, "run"));
  const lines: string[] = [];
  const service = await serve({ home, options: new Map(), log: (line) => lines.push(line) });
  const jobs: DeliveryJob[] = [];
  const socket = await connectUnix(join(home, "queue", "remote"));
  assert.ok("write" in socket);
  const courier = serveCourier(socket, async (job) => {
    jobs.push(job);
    return done("ok\n");
  });
  for (const deadline = performance.now() + 10_000; jobs.length < 3 && performance.now() < deadline; ) await sleep(5);
  const busy = await run(["import", "queue", classic]);
  courier.end();
  await service.close();
  assert.deepEqual(
    jobs.map(({ sender, recipient, again }) => `<${sender}> ${recipient}${again ? " again" : ""}`).sort(),
    ["<> kim@far.test", "<joe@heaven.test> ann@far.test again", "<list-zoe=far.test@heaven.test> zoe@far.test again"],
  );
  for (const { sender, bornAtMs } of jobs) if (sender !== "") assert.equal(bornAtMs, born * 1000);
  assert.match(
    jobs.find(({ sender }) => sender === "")?.message.whole?.toString() ?? "",
    /<gone@heaven.test>:\nSorry, no mailbox/,
  );
  assert.deepEqual(busy, {
    code: 111,
    said: `quail import: fatal: the queue of ${home} is at work; stop it first\n`,
  });
});

test("quail start refuses qmail's home until its queue was taken in", async (t) => {
  const { home, run } = programHouse(t, { import: importer }, { me: "heaven.test\n" });
  const queue = join(home, "queue");
  buildClassicQueue(queue).todo(7, "x\n", "joe@heaven.test", ["bob@heaven.test"], born);
  assert.throws(() => refuseQmail(home), /installation of qmail/);
  const { code, said } = await run(["import", "queue", queue]);
  assert.deepEqual(
    [code, said.split("\n")[0]],
    [0, "took over 1 message: 1 local and 0 remote recipients wait, 0 are done, 0 failed"],
  );
  refuseQmail(home);
});
