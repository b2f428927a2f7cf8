import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { DurableBatch } from "./durable-batch.ts";
import { deliverToMaildir, type MaildirDelivery } from "./maildir.ts";
import { maildirName } from "./maildir-name.ts";
import { makeMaildir } from "./make-maildir.ts";
import { largeMessage, smallMessage } from "./testing.ts";

let folder = "";
let maildir = "";
let complaints: string[] = [];
const batches = [
  ["with syncfs", () => new DurableBatch()],
  ["with fsync", () => new DurableBatch(null)],
] as const;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "maildir-"));
  maildir = `${folder}/Maildir`;
  makeMaildir(maildir);
  complaints = [];
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const keeper = (batch = new DurableBatch()) => ({ batch, complain: (line: string) => complaints.push(line) });
const head = Buffer.from("Return-Path: <joe@a.test>\nDelivered-To: jim@b.test\n");
const text = "Subject: hello\n\nFrom here on, a body.\nno LF at the end";
const name = maildirName({ bornAtMs: 1_000_000, queueId: 7, index: 0 }, "host");

function delivery(change: Partial<MaildirDelivery> = {}): MaildirDelivery {
  return { directory: `${maildir}/`, name, head, message: smallMessage(text), again: false, awaited: false, ...change };
}

/** Names in tmp, new, cur. */
function listing(): Record<string, string[]> {
  return Object.fromEntries(["tmp", "new", "cur"].map((part) => [part, fs.readdirSync(join(maildir, part)).sort()]));
}

const content = (path: string): string => fs.readFileSync(join(maildir, path), "latin1");

for (const [how, makeBatch] of batches) {
  test(`a message lies in new/ under its name, tmp/ is empty, mode 0600, ${how} [Q-174]`, async () => {
    assert.deepEqual(await deliverToMaildir(delivery(), keeper(makeBatch())), { fate: "done", text: "" });
    assert.deepEqual(listing(), { tmp: [], new: [name], cur: [] });
    assert.equal(fs.statSync(join(maildir, "new", name)).mode & 0o777, 0o600);
  });

  test(`a repeated delivery leaves one file, and that is a new one: a failed write of the old one may be forgotten, ${how}`, async () => {
    for (const path of [`new/${name}`, `cur/${name}:2,S`]) {
      await deliverToMaildir(delivery(), keeper(makeBatch()));
      fs.renameSync(join(maildir, "new", name), join(maildir, path));
      const earlier = fs.openSync(join(maildir, path), "r"); // Held open: its number is not given to another.
      assert.equal((await deliverToMaildir(delivery({ again: true }), keeper(makeBatch()))).fate, "done");
      assert.deepEqual([...listing().tmp!, ...listing().new!, ...listing().cur!], [path.slice(4)]);
      assert.notEqual(fs.statSync(join(maildir, path)).ino, fs.fstatSync(earlier).ino);
      assert.equal(content(path), `${head.toString()}${text}`);
      fs.closeSync(earlier);
      fs.rmSync(join(maildir, path));
    }
  });
}

test("the file is Return-Path, Delivered-To and the message as it is, large or small [Q-175]", async () => {
  await deliverToMaildir(delivery(), keeper());
  await deliverToMaildir(delivery({ name: "large", message: largeMessage(text) }), keeper());
  assert.equal(content(`new/${name}`), `${head.toString()}${text}`);
  assert.equal(content("new/large"), `${head.toString()}${text}`);
});

test("a large message is not in new/ while it is being written [Q-174]", async () => {
  const large = largeMessage(text);
  const seen: number[] = [];
  const message: typeof large = {
    ...large,
    read(at, length) {
      seen.push(listing().new!.length);
      return large.read(at, length);
    },
  };
  assert.equal((await deliverToMaildir(delivery({ message }), keeper())).fate, "done");
  assert.ok(seen.length > 3 && seen.every((count) => count === 0));
  assert.deepEqual(listing().new, [name]);
});

test("a missing Maildir defers and is not made [Q-176]", async () => {
  const outcome = await deliverToMaildir(delivery({ directory: `${folder}/None/` }), keeper());
  assert.deepEqual(outcome, { fate: "temporary", text: "Unable to chdir to maildir. (#4.2.1)\n" });
  assert.deepEqual(fs.readdirSync(folder), ["Maildir"]);
});

test("a Maildir without its folders defers and leaves nothing behind", async () => {
  for (const part of ["new", "tmp"]) {
    fs.rmdirSync(join(maildir, part));
    const outcome = await deliverToMaildir(delivery(), keeper());
    assert.deepEqual(outcome, { fate: "temporary", text: "Temporary error on maildir delivery. (#4.3.0)\n" });
    assert.match(complaints.at(-1)!, /^maildir trouble path=\S+Maildir\/ reason=file_does_not_exist$/);
    if (part === "new") assert.deepEqual(fs.readdirSync(join(maildir, "tmp")), []);
  }
});

test("a message that cannot be read to its end defers and leaves nothing behind", async () => {
  const message = { ...largeMessage(text), read: async () => Promise.reject(new Error("the queue is gone")) };
  const outcome = await deliverToMaildir(delivery({ message }), keeper());
  assert.deepEqual(outcome, { fate: "temporary", text: "Unable to read message. (#4.3.0)\n" });
  assert.deepEqual(listing(), { tmp: [], new: [], cur: [] });
});

test("a message shorter than announced defers", async () => {
  const outcome = await deliverToMaildir(delivery({ message: { ...largeMessage(text), sizeBytes: 1000 } }), keeper());
  assert.deepEqual(outcome, { fate: "temporary", text: "Unable to read message. (#4.3.0)\n" });
});

test("a sync that fails defers, and the file is taken back", async () => {
  const broken = new DurableBatch(() => Promise.reject(new Error("EIO")));
  const outcome = await deliverToMaildir(delivery(), keeper(broken));
  assert.deepEqual(outcome, { fate: "temporary", text: "Temporary error on maildir delivery. (#4.3.0)\n" });
  assert.deepEqual(listing(), { tmp: [], new: [], cur: [] });
  assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
  assert.deepEqual(listing().new, [name]);
});

test("a repeated delivery whose sync fails defers, and leaves the file: what may have been reported once stays", async () => {
  await deliverToMaildir(delivery(), keeper());
  const broken = new DurableBatch(() => Promise.reject(new Error("EIO")));
  assert.equal((await deliverToMaildir(delivery({ again: true }), keeper(broken))).fate, "temporary");
  assert.deepEqual(listing(), { tmp: [], new: [name], cur: [] });
});

for (const awaited of [true, false])
  test(`a message is seen when its bytes are on disk, and reported when its name is, ${awaited ? "while its sender waits" : "from the queue"}`, async () => {
    const syncs: { readonly end: (isWell: boolean) => void }[] = [];
    const slow = new DurableBatch(() => new Promise((done) => syncs.push({ end: done })), 0);
    const turns = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await new Promise((done) => setImmediate(done));
    };
    const outcomes: string[] = [];
    const deliver = () => deliverToMaildir(delivery({ awaited }), keeper(slow)).then((o) => outcomes.push(o.fate));
    const delivering = deliver();
    await turns();
    assert.deepEqual(
      [listing().tmp?.length, listing().new, syncs.length],
      [1, [], 1],
      "a power cut would leave no part in new/",
    );
    syncs[0]?.end(true);
    await turns();
    assert.deepEqual([listing().tmp, listing().new, syncs.length], [[], [name], 2]);
    assert.deepEqual(outcomes, []);
    syncs[1]?.end(true);
    await delivering;
    assert.deepEqual(outcomes, ["done"]);
    // A sync that fails: of the bytes, then of the name.
    fs.rmSync(join(maildir, "new", name));
    for (const fails of [2, 4]) {
      const failing = deliver();
      await turns();
      if (fails === 4) {
        syncs[3]?.end(true);
        await turns();
      }
      syncs[fails]?.end(false);
      await failing;
      assert.deepEqual([listing().tmp, listing().new], [[], []]);
    }
    assert.deepEqual(outcomes, ["done", "temporary", "temporary"]);
  });

test("a symbolic link planted in tmp/ or new/ is not followed", async () => {
  const victim = join(folder, "victim");
  fs.writeFileSync(victim, "precious");
  for (let i = 0; i < 50; i++) fs.symlinkSync(victim, join(maildir, "tmp", `${name}.${process.pid}_${i}`));
  fs.symlinkSync(victim, join(maildir, "new", name));
  const outcomes = [];
  for (let i = 0; i < 3; i++) outcomes.push((await deliverToMaildir(delivery({ again: i > 0 }), keeper())).fate);
  assert.ok(outcomes.includes("done"), outcomes.join());
  assert.equal(fs.readFileSync(victim, "latin1"), "precious");
  assert.equal(fs.lstatSync(join(maildir, "new", name)).isFile(), true);
});

test("a repeated delivery finds the file where a reader has moved and marked it", async () => {
  for (const moved of [name, `${name}:2,S`, `${name},S=42:2,RS`]) {
    await deliverToMaildir(delivery(), keeper());
    fs.renameSync(join(maildir, "new", name), join(maildir, "cur", moved));
    assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
    assert.deepEqual(listing(), { tmp: [], new: [], cur: [moved] });
    fs.rmSync(join(maildir, "cur", moved));
  }
});

test("a name that only begins like ours is another message", async () => {
  fs.writeFileSync(join(maildir, "cur", `${name}x:2,`), "other");
  assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
  assert.deepEqual(listing(), { tmp: [], new: [name], cur: [`${name}x:2,`] });
});

const damages: readonly (readonly [string, (whole: Buffer) => Buffer])[] = [
  ["emptied", () => Buffer.alloc(0)],
  ["cut short", (whole) => whole.subarray(0, whole.length / 2)],
  ["filled with zeros", (whole) => Buffer.alloc(whole.length)],
];
for (const [what, damage] of damages) {
  test(`a file that a power cut left ${what} is written anew by the repeated delivery`, async () => {
    await deliverToMaildir(delivery(), keeper());
    fs.writeFileSync(join(maildir, "new", name), damage(Buffer.from(content(`new/${name}`), "latin1")));
    assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
    assert.deepEqual(listing(), { tmp: [], new: [name], cur: [] });
    assert.equal(content(`new/${name}`), `${head.toString()}${text}`);
  });
}

test("an emptied file in cur/ is replaced by a whole one, a changed one is left alone", async () => {
  fs.writeFileSync(join(maildir, "cur", `${name}:2,S`), "");
  assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
  assert.deepEqual(listing(), { tmp: [], new: [name], cur: [] });
  fs.rmSync(join(maildir, "new", name));
  const changed = `X-Note: added by a reader\n${head.toString()}${text}`;
  fs.writeFileSync(join(maildir, "cur", `${name}:2,S`), changed);
  assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
  assert.deepEqual(listing(), { tmp: [], new: [], cur: [`${name}:2,S`] });
  assert.equal(content(`cur/${name}:2,S`), changed);
});

test("what an earlier attempt left in tmp/ goes with the repeated delivery, others' files stay", async () => {
  fs.writeFileSync(join(maildir, "tmp", `${name}.99_1`), "half a mess");
  fs.writeFileSync(join(maildir, "tmp", "1.other"), "somebody's");
  assert.equal((await deliverToMaildir(delivery({ again: true }), keeper())).fate, "done");
  assert.deepEqual(listing(), { tmp: ["1.other"], new: [name], cur: [] });
});

test("a hundred deliveries at once are a hundred files and a few syncs", async () => {
  let syncs = 0;
  const batch = new DurableBatch(async () => {
    syncs++;
    await new Promise((done) => setTimeout(done, 5));
    return true;
  });
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      deliverToMaildir(delivery({ name: maildirName({ bornAtMs: 1, queueId: 1, index }, "h") }), keeper(batch)),
    ),
  );
  assert.ok(outcomes.every(({ fate }) => fate === "done"));
  assert.equal(listing().new!.length, 100);
  assert.ok(syncs <= 3, `${syncs} syncs`);
});

test("octets of a Maildir's name beyond ASCII reach the disk as they are", async () => {
  const odd = `${folder}/caf\xe9`;
  makeMaildir(odd);
  for (const again of [false, true]) {
    assert.equal((await deliverToMaildir(delivery({ directory: odd, again }), keeper())).fate, "done");
  }
  assert.deepEqual(fs.readdirSync(Buffer.from(`${odd}/new`, "latin1")), [name]);
});
