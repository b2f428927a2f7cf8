import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LogFolder } from "./log-folder.ts";
import type { FolderRules } from "./script.ts";

const root = mkdtempSync(join(tmpdir(), "quail-multilog-"));
after(() => rmSync(root, { recursive: true }));
let made = 0;

const rules: FolderRules = { sizeBytes: 4_096, files: 4, processor: null, suffix: "s" };

function fresh(): string {
  return join(root, String(made++));
}

function open(path: string, more: Partial<FolderRules> = {}) {
  const warnings: string[] = [];
  let pauses = 0;
  const folder = new LogFolder(
    path,
    "./d",
    { ...rules, ...more },
    {
      warn: (sentence) => warnings.push(sentence),
      pause: async () => {
        pauses++;
        if (pauses > 20) throw new Error("this would wait for ever");
      },
    },
  );
  return { folder, warnings, pauses: () => pauses };
}

const old = (path: string): string[] =>
  readdirSync(path)
    .filter((name) => name.startsWith("@"))
    .sort();
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const text = (path: string): string => readFileSync(path, "latin1");
const whole = (path: string): string => [...old(path), "current"].map((name) => text(join(path, name))).join("");

test("files end with a line, within 2000 bytes of their size and never above it [D-064] [D-065]", async () => {
  const path = fresh();
  const { folder } = open(path, { files: 100 });
  let written = "";
  for (let i = 0; i < 400; i++) {
    const lines = `${`${i} `.repeat((i * 7) % 90)}\n`;
    written += lines;
    await folder.write(Buffer.from(lines));
  }
  await folder.close();
  assert.equal(whole(path), written);
  assert.ok(old(path).length > 10);
  for (const name of old(path)) {
    const content = text(join(path, name));
    assert.ok(content.endsWith("\n"), name);
    assert.ok(content.length <= 4_096 && content.length >= 2_096, `${name} ${content.length}`);
  }
});

test("one block of many files' size, and a line without end, are cut to the size [D-065]", async () => {
  const path = fresh();
  const { folder } = open(path, { files: 100 });
  const block = `${"x".repeat(20_000)}\n${"y\n".repeat(10_000)}`;
  await folder.write(Buffer.from(block));
  await folder.close();
  assert.equal(whole(path), block);
  for (const name of old(path)) assert.ok(statSync(join(path, name)).size <= 4_096);
});

test("only so many old files are kept, the newest; old ones are 0744, current 0644 [D-066] [D-067]", async () => {
  const path = fresh();
  const { folder } = open(path);
  for (let i = 0; i < 30; i++) {
    await folder.write(Buffer.from(`${String(i).padStart(2_500)}\n`));
    assert.ok(old(path).length <= 3);
  }
  assert.deepEqual(
    old(path).map((name) => text(join(path, name)).trim()),
    ["27", "28", "29"],
  );
  for (const name of old(path)) assert.equal(modeOf(join(path, name)), 0o744);
  assert.equal(modeOf(join(path, "current")), 0o644);
  assert.equal(modeOf(path), 0o700);
  await folder.close();
});

test("names sort by time and are never given twice [D-077]", async () => {
  const path = fresh();
  const { folder } = open(path, { files: 1_000 });
  for (let i = 0; i < 300; i++) {
    await folder.write(Buffer.from(`${i}\n`));
    await folder.rotate();
  }
  await folder.close();
  assert.equal(whole(path), Array.from({ length: 300 }, (_, i) => `${i}\n`).join(""));
});

test("a folder closed properly is written on, one that was not has its file put aside as it is [D-071] [D-072]", async () => {
  const path = fresh();
  const first = open(path).folder;
  await first.write(Buffer.from("one\n"));
  await first.close();
  assert.equal(modeOf(join(path, "current")), 0o744);
  const second = open(path).folder;
  assert.equal(modeOf(join(path, "current")), 0o644);
  assert.equal(second.size, 4);
  await second.write(Buffer.from("two\n"));
  await second.close();
  assert.equal(text(join(path, "current")), "one\ntwo\n");
  chmodSync(join(path, "current"), 0o644);
  const third = open(path).folder;
  const [name = ""] = old(path);
  assert.match(name, /^@4[0-9a-f]{23}\.u$/);
  assert.equal(text(join(path, name)), "one\ntwo\n");
  assert.equal(modeOf(join(path, name)), 0o644);
  assert.equal(third.size, 0);
  await third.close();
});

type Left = Readonly<Record<string, readonly [content: string, mode: number, links?: 2]>>;
/** What a crash leaves in each state, and what is found afterwards: contents by the end of their names. */
const crashes: readonly (readonly [state: string, left: Left, found: readonly string[]])[] = [
  ["F1 open", { current: ["c", 0o644] }, ["c u"]],
  ["F3 renamed, no current yet", { previous: ["p", 0o644] }, ["p u"]],
  ["F3 renamed", { previous: ["p", 0o744], current: ["", 0o644] }, ["p u", " u"]],
  ["F6 linked, not unlinked", { previous: ["p", 0o744, 2], current: ["c", 0o644] }, ["p s", "c u"]],
  ["F4 in work", { previous: ["p", 0o744], processed: ["half", 0o644], current: ["", 0o644] }, ["p u", " u"]],
  ["F5 worked", { previous: ["p", 0o744], processed: ["P", 0o744], current: ["", 0o644] }, ["P s", " u"]],
  [
    "F5 worked, previous gone",
    { processed: ["P", 0o744], newstate: ["n", 0o644], current: ["", 0o644] },
    ["P s", " u"],
  ],
];

test("a crash at any step of a rotation loses nothing [D-073]", async () => {
  for (const [state, left, found] of crashes) {
    const path = fresh();
    mkdirSync(path);
    for (const [name, [content, mode, links]] of Object.entries(left)) {
      writeFileSync(join(path, name), content);
      chmodSync(join(path, name), mode);
      if (links === 2) linkSync(join(path, name), join(path, "@400000000000000000000000.s"));
    }
    writeFileSync(join(path, "state"), "stale");
    const { folder } = open(path, { files: 10 });
    assert.deepEqual(
      old(path).map((name) => `${text(join(path, name))} ${name.at(-1)}`),
      found,
      state,
    );
    assert.equal(text(join(path, "state")), "", state);
    for (const name of ["previous", "processed", "newstate"])
      assert.ok(!existsSync(join(path, name)), `${state} ${name}`);
    await folder.close();
  }
});

test("a processor gets the full file, its output is kept, and 4 and 5 carry its state [D-074]", async () => {
  const path = fresh();
  const { folder } = open(path, { processor: "tr a-z A-Z; cat <&4 >&5; echo again >&5; pwd >where", files: 10 });
  for (const line of ["one\n", "two\n"]) {
    await folder.write(Buffer.from(line));
    await folder.rotate();
  }
  assert.deepEqual(
    old(path).map((name) => text(join(path, name))),
    ["ONE\n", "TWO\n"],
  );
  assert.equal(text(join(path, "state")), "again\nagain\n");
  assert.equal(text(join(path, "where")).trim().endsWith(path.slice(root.length)), true);
  assert.equal(modeOf(join(path, old(path)[0]!)), 0o744);
  await folder.close();
});

test("a processor that fails or crashes is run again on the same input, after a warning and a pause [D-075]", async () => {
  const path = fresh();
  const command =
    "echo try >>tries; test -e two && { cat; exit 0; }; test -e one && { touch two; kill -9 $$; }; touch one; exit 3";
  const { folder, warnings, pauses } = open(path, { processor: command });
  await folder.write(Buffer.from("line\n"));
  await folder.rotate();
  assert.deepEqual(warnings, ["processor failed in ./d, pausing", "processor crashed in ./d, pausing"]);
  assert.equal(pauses(), 2);
  assert.deepEqual(
    old(path).map((name) => text(join(path, name))),
    ["line\n"],
  );
  await folder.close();
});

test("a folder that another has is refused [D-068]", async () => {
  const path = fresh();
  const { folder } = open(path);
  assert.throws(() => open(path), { message: "unable to lock directory ./d: temporary failure" });
  await folder.close();
  await open(path).folder.close();
});

test("trouble in the middle of a rotation is told, and the rotation goes on where it was", async () => {
  const path = fresh();
  const warnings: string[] = [];
  const folder = new LogFolder(path, "./d", rules, {
    warn: (sentence) => warnings.push(sentence),
    pause: async () => rmSync(join(path, "previous"), { recursive: true }),
  });
  await folder.write(Buffer.from("line\n"));
  mkdirSync(join(path, "previous")); // Nothing can be renamed to it, until the first pause is over.
  await folder.rotate();
  assert.deepEqual(warnings, ["unable to rename ./d/current, pausing: is a directory"]);
  assert.equal(text(join(path, old(path)[0]!)), "line\n");
  await folder.close();
});
