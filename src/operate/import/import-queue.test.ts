import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { flockFile, hasSyscalls } from "#files";
import { openStore, type QueuedMessage, readQueue } from "#queue";
import { loadRouting } from "#users";
import { type ImportChoices, type Imported, importQueue } from "./import-queue.ts";
import { ImportRefused } from "./import-refused.ts";
import { buildClassicQueue } from "./testing/index.ts";

const born = 1_700_000_000;

/** A home that routes heaven.test here and virtual.test to the user virt, and a folder for a classic queue. */
function makeHouse(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "quail-import-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const home = join(root, "home");
  const classic = join(root, "old");
  mkdirSync(join(home, "control"), { recursive: true });
  writeFileSync(join(home, "control", "me"), "heaven.test\n");
  writeFileSync(join(home, "control", "virtualdomains"), "virtual.test:virt\n");
  mkdirSync(classic);
  const run = (change: Partial<ImportChoices> = {}): Promise<Imported> =>
    importQueue({ classic, home, routing: loadRouting(home), dry: false, ...change });
  return { root, home, classic, run };
}

/** What the queue of a home holds, bodies included, ordered by body. */
function contents(home: string) {
  using queue = readQueue(home);
  assert.ok(queue !== null);
  return [...queue.messages()]
    .map((message) => ({
      body: queue.read(message.id, 0, 1_000_000)!.toString("latin1"),
      sender: message.sender,
      born: message.bornAt.getTime() / 1000,
      aged: message.agedFrom.getTime() / 1000,
      recipients: message.recipients.map(toText),
    }))
    .sort((a, b) => (a.body < b.body ? -1 : 1));
}

const toText = ({ channel, state, address, dueAt, lastReport }: QueuedMessage["recipients"][number]): string =>
  `${channel} ${state} ${address} ${dueAt.getTime() / 1000}${lastReport === "" ? "" : ` ${JSON.stringify(lastReport)}`}`;

/** Messages in every state, and what must be found of them. */
function fill(queue: string, layout: Parameters<typeof buildClassicQueue>[1] = {}, large = 200_000) {
  const build = buildClassicQueue(queue, layout);
  build.todo(
    101,
    "1 todo\n",
    "joe@heaven.test",
    ["ann@far.test", "bob@heaven.test", "eve@virtual.test", "nohost"],
    born,
  );
  build.preprocessed(102, "2 half done\n", {
    sender: "list-@heaven.test-@[]",
    local: ["Tbob@heaven.test", "Dvirt-eve@virtual.test", "Djim@heaven.test"],
    remote: ["Dann@far.test", "Tzoe@far.test"],
    bounce:
      "<eve@virtual.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<ann@far.test>:\n192.0.2.1 does not like recipient.\n/\nGiving up.\n\n",
    born,
    due: born + 400,
  });
  build.preprocessed(103, "3 bounce owed\n", { sender: "", bounce: "<gone@far.test>:\nno such host\n\n", born });
  build.preprocessed(104, "4 finished\n", { sender: "joe@heaven.test", remote: ["Dann@far.test"], born });
  build.body(105, "5 unfinished\n");
  build.preprocessed(106, `6 large ${"x".repeat(large)}\n`, { sender: "#@[]", remote: ["Tann@far.test"], born });
  return build;
}

const expected = (large = 200_000) => [
  {
    body: "1 todo\n",
    sender: "joe@heaven.test",
    born,
    aged: born,
    recipients: [
      `remote pending ann@far.test ${born}`,
      `local pending bob@heaven.test ${born}`,
      `local pending virt-eve@virtual.test ${born}`,
      `local pending nohost@heaven.test ${born}`,
    ],
  },
  {
    body: "2 half done\n",
    sender: "list-@heaven.test-@[]",
    born,
    aged: born,
    recipients: [
      `local pending bob@heaven.test ${born + 400}`,
      `local failed virt-eve@virtual.test ${born + 400} ${JSON.stringify("Sorry, no mailbox here by that name. (#5.1.1)\n")}`,
      `local done jim@heaven.test ${born + 400}`,
      `remote failed ann@far.test ${born + 400} ${JSON.stringify("192.0.2.1 does not like recipient.\n/\nGiving up.\n")}`,
      `remote pending zoe@far.test ${born + 400}`,
    ],
  },
  {
    body: "3 bounce owed\n",
    sender: "",
    born,
    aged: born,
    recipients: [`local failed gone@far.test ${born} "no such host\\n"`],
  },
  {
    body: `6 large ${"x".repeat(large)}\n`,
    sender: "#@[]",
    born,
    aged: born,
    recipients: [`remote pending ann@far.test ${born}`],
  },
];

const counts = {
  messages: 4,
  earlier: 0,
  finished: 1,
  unfinished: 1,
  recipients: { local: 4, remote: 3, done: 1, failed: 3 },
  troubles: [],
};

for (const [name, layout] of [
  ["split 23", {}],
  ["split 1", { split: 1 }],
  ["split 151 with big-todo", { split: 151, bigTodo: true }],
] as const) {
  test(`a classic queue is taken in whole: pending, done and failed recipients, age, due times, VERP sender; ${name} [S-081]`, async (t) => {
    const { classic, home, run } = makeHouse(t);
    fill(classic, layout);
    const dry = await run({ dry: true });
    assert.deepEqual(dry, { aside: null, ...counts });
    assert.equal(existsSync(join(home, "queue")), false, "a dry run leaves no trace");
    assert.deepEqual(await run(), { aside: join(classic, "imported"), ...counts });
    assert.deepEqual(contents(home), expected());
    // Only the unfinished body is left; a second run finds nothing to do.
    assert.deepEqual(await run(), {
      aside: join(classic, "imported"),
      ...counts,
      messages: 0,
      finished: 0,
      recipients: { local: 0, remote: 0, done: 0, failed: 0 },
    });
    assert.deepEqual(contents(home), expected());
    // Our store makes sense of it: who is due, whose bounce is owed, and no body is swept away.
    const store = openStore(home, (line) => assert.fail(line));
    t.after(() => store.close());
    const start = { dueAtMs: -1, id: 0, index: 0 };
    const due = (["local", "remote"] as const).map((channel) => store.due(channel, Date.now(), start, 100).length);
    assert.deepEqual(due, [4, 3]);
    assert.deepEqual(
      store.finished().map(({ id }) => store.failures(id)),
      [[{ address: "gone@far.test", report: "no such host\n" }]],
    );
    assert.ok(store.due("remote", Date.now(), start, 100).every(({ message }) => store.isOld(message.id)));
    assert.equal(contents(home).length, 4);
  });
}

test("killed with SIGKILL after any step and run again, every message is there once [S-081]", async (t) => {
  const first = makeHouse(t);
  const child = (house: ReturnType<typeof makeHouse>, classic: string, killAfter: number) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "import-child.ts"), classic, house.home, String(killAfter)]);
  fill(first.classic, {}, 140_000);
  const whole = child(first, first.classic, 1_000);
  assert.equal(whole.status, 0, String(whole.stderr));
  const steps = String(whole.stdout).trimEnd().split("\n");
  assert.deepEqual(contents(first.home), expected(140_000));
  for (const wanted of ["opened", "body written", "body sealed", "committed", "put aside todo", "put aside mess"]) {
    assert.ok(steps.includes(wanted), wanted);
  }
  for (const step of steps.keys()) {
    const house = makeHouse(t);
    fill(house.classic, {}, 140_000);
    const killed = child(house, house.classic, step + 1);
    assert.equal(killed.signal, "SIGKILL", String(killed.stderr));
    const again = await house.run();
    assert.deepEqual(contents(house.home), expected(140_000), `after ${steps[step]} (${step})`);
    assert.equal(again.unfinished, 1, "the body without an envelope stays, no other");
    assert.deepEqual(again.troubles, []);
    openStore(house.home, (line) => assert.fail(line)).close();
    const left = readdirSync(join(house.home, "queue", "mess")).flatMap((part) =>
      readdirSync(join(house.home, "queue", "mess", part)),
    );
    assert.equal(left.length, 1, "one large body, no leftover of the killed run");
  }
});

test("the queue in the home of qmail itself is moved out of the way first, killed anywhere too", async (t) => {
  const make = () => {
    const house = makeHouse(t);
    const classic = join(house.home, "queue");
    fill(classic, {}, 140_000);
    return { ...house, classic };
  };
  const child = (house: { readonly home: string; readonly classic: string }, killAfter: number) =>
    spawnSync(process.execPath, [
      join(import.meta.dirname, "import-child.ts"),
      house.classic,
      house.home,
      String(killAfter),
    ]);
  const first = make();
  const whole = child(first, 1_000);
  assert.equal(whole.status, 0, String(whole.stderr));
  assert.deepEqual(contents(first.home), expected(140_000));
  const steps = String(whole.stdout).trimEnd().split("\n");
  assert.ok(steps.includes("moved mess"));
  for (const [step, name] of steps.entries()) {
    if (!name.startsWith("moved") && name !== "opened" && name !== "committed") continue;
    const house = make();
    assert.equal(child(house, step + 1).signal, "SIGKILL");
    if (name.startsWith("moved") && name !== "moved mess") {
      assert.throws(() => openStore(house.home, () => {}), /quail import queue/, "nobody starts on half of it");
    }
    await house.run({ classic: house.classic });
    assert.deepEqual(contents(house.home), expected(140_000), `after ${name}`);
  }
});

test("damaged files are named and left, everything else is taken in", async (t) => {
  const { classic, home, run } = makeHouse(t);
  const build = fill(classic);
  build.preprocessed(201, "cut\n", { sender: "a@b.test", local: ["Tjoe@heaven.test"], born });
  build.file("local", 201, "Tjoe@heaven.test\0Tjim@heav");
  build.preprocessed(202, "odd\n", { sender: "a@b.test", remote: ["Xjoe@far.test"], born });
  build.preprocessed(203, "no sender\n", { sender: "a@b.test", born });
  build.file("info", 203, "");
  build.todo(204, "junk\n", "a@b.test", [], born);
  build.file("todo", 204, "Fa@b.test\0Zoops\0");
  build.file("info", 205, "Fa@b.test\0");
  build.file("todo", 206, "Fa@b.test\0Tx@y.test\0");
  const { troubles, messages } = await run();
  assert.equal(messages, 4);
  const split = (id: number): string => `${id % 23}/${id}`;
  assert.deepEqual(
    troubles.map(({ reason }) => reason).sort(),
    [
      `info/${split(203)} names no sender`,
      `info/${split(205)} has no body in mess`,
      `local/${split(201)} ends in the middle of a record`,
      `remote/${split(202)} holds a record that is none ("X")`,
      'todo/204 holds a record that is none ("Z")',
      "todo/206 has no body in mess",
    ].sort(),
  );
  assert.ok(existsSync(join(classic, "mess", String(201 % 23), "201")));
  assert.deepEqual(contents(home), expected());
});

test("while todo is there it decides, whatever half-written info, local and remote say (spec 4.3)", async (t) => {
  const { classic, home, run } = makeHouse(t);
  const build = buildClassicQueue(classic);
  build.todo(7, "x\n", "joe@heaven.test", ["ann@far.test"], born);
  build.file("info", 7, "Fsomebody@el");
  build.file("remote", 7, "Tann@far.te");
  await run();
  assert.deepEqual(
    contents(home).map(({ recipients }) => recipients),
    [[`remote pending ann@far.test ${born}`]],
  );
  assert.equal(existsSync(join(classic, "info", "7", "7")), false, "stale files go too");
});

test("a bounce text that names nobody is kept", async (t) => {
  const { classic, home, run } = makeHouse(t);
  const build = buildClassicQueue(classic);
  build.preprocessed(8, "x\n", { sender: "joe@heaven.test", bounce: "garbage\n\n<ann@far.test>:\nno\n\nmore\n", born });
  await run();
  assert.deepEqual(contents(home)[0]?.recipients, [
    `local failed unknown recipient ${born} "garbage\\n"`,
    `local failed ann@far.test ${born} "no\\n/\\nmore\\n"`,
  ]);
});

test("a running qmail-send, a running Quail, a folder that is no queue: refused with a sentence, nothing touched", async (t) => {
  const { classic, home, root, run } = makeHouse(t);
  await assert.rejects(
    run({ classic: join(root, "none") }),
    new ImportRefused(`there is no folder ${join(root, "none")}`),
  );
  await assert.rejects(run(), new ImportRefused(`${classic} is no classic queue (no mess and todo or info in it)`));
  fill(classic);
  if (hasSyscalls()) {
    const theirs = openSync(join(classic, "lock", "sendmutex"), "a");
    assert.equal(flockFile(theirs), true);
    await assert.rejects(run(), new ImportRefused(`qmail-send is running on ${classic}; stop it first`));
    rmSync(join(classic, "lock"), { recursive: true });
    const ours = openSync(join(home, "queue", "lock", "sendmutex"), "a");
    assert.equal(flockFile(ours), true);
    await assert.rejects(run(), new ImportRefused(`the queue of ${home} is at work; stop it first`));
    rmSync(join(home, "queue"), { recursive: true });
  }
  assert.equal(existsSync(join(classic, "imported")), false);
  await run();
  assert.deepEqual(contents(home), expected());
});

test("messages go on in a queue that has others, and two classic queues go into one", async (t) => {
  const { classic, home, run, root } = makeHouse(t);
  fill(classic);
  await run();
  const second = join(root, "second");
  buildClassicQueue(second).todo(101, "0 second\n", "x@y.test", ["ann@far.test"], born + 5);
  await run({ classic: second });
  assert.deepEqual(
    contents(home).map(({ body }) => body.slice(0, 8)),
    ["0 second", "1 todo\n", "2 half d", "3 bounce", "6 large "],
  );
});

test("a folder that may not be read or emptied stops it before anything is taken, and it can be run again", async (t) => {
  if (process.getuid?.() === 0) return t.skip("root can read and write everything");
  const { classic, home, run } = makeHouse(t);
  fill(classic);
  const folder = join(classic, "info", String(102 % 23));
  for (const mode of [0, 0o500]) {
    chmodSync(folder, mode);
    await assert.rejects(run(), new ImportRefused(`cannot move files out of ${folder}: access denied`));
    assert.deepEqual(contents(home), []);
  }
  chmodSync(folder, 0o755);
  await run();
  assert.deepEqual(contents(home), expected());
});
