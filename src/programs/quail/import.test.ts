import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { buildClassicQueue } from "#operate/import/testing";
import { serve } from "../../services/queue.ts";
import { programHouse } from "../testing/program-house.ts";
import { main as importer } from "./import.ts";
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

test("the queue service goes on with what was taken over: only what is not done, with its age and sender [S-081]", async (t) => {
  const { run, home, classic } = importHouse(t);
  assert.equal((await run(["import", "queue", classic])).code, 0);
  mkdirSync(join(home, "run"));
  const lines: string[] = [];
  const service = await serve({ home, options: new Map(), log: (line) => lines.push(line) });
  const busy = await run(["import", "queue", classic]);
  await service.close();
  assert.deepEqual(busy, {
    code: 111,
    said: `quail import: fatal: the queue of ${home} is at work; stop it first\n`,
  });
  assert.ok(lines.includes("status: exiting"), lines.join("\n"));
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
