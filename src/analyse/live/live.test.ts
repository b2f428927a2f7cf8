import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import fc from "fast-check";
import { multiCallPath } from "#process";
import { LogFollower } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "quail-follow-"));
after(() => rmSync(root, { recursive: true }));
let folder = "";
let rotations = 0;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  rotations = 0;
  mkdirSync(folder);
});

const current = (): string => join(folder, "current");
function rotate(): void {
  renameSync(current(), join(folder, `@40000000${String(rotations++).padStart(16, "0")}.s`));
  writeFileSync(current(), "");
}

/** Everything there is to read now. */
function drain(follower: LogFollower): string {
  let text = "";
  for (let bytes = follower.read(); bytes !== null; bytes = follower.read()) text += bytes.toString("latin1");
  return text;
}

test("a folder is followed across any number of rotations, and no line is lost or doubled [L-058]", () => {
  const step = fc.constantFrom("write", "write", "rotate", "read");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      writeFileSync(current(), "0\n");
      const follower = new LogFollower(folder, "oldest");
      let written = "0\n";
      let read = "";
      steps.forEach((what, at) => {
        if (what === "rotate") rotate();
        else if (what === "read") read += drain(follower);
        else {
          appendFileSync(current(), `${at}\n`);
          written += `${at}\n`;
        }
      });
      read += drain(follower);
      follower.close();
      assert.equal(read, written);
    }),
    { numRuns: 60 },
  );
});

test("between the renaming of a full file and the making of the next nothing is given up [L-058]", () => {
  writeFileSync(current(), "a\n");
  const follower = new LogFollower(folder, "current");
  assert.equal(drain(follower), "a\n");
  renameSync(current(), join(folder, "@400000000000000000000001.s"));
  assert.equal(drain(follower), "");
  appendFileSync(join(folder, "@400000000000000000000001.s"), "b\n");
  assert.equal(drain(follower), "b\n");
  writeFileSync(current(), "c\n");
  assert.equal(drain(follower), "c\n");
  follower.close();
});

test("what was removed before it could be read is passed over, and reading goes on", () => {
  writeFileSync(current(), "a\n");
  const follower = new LogFollower(folder, "end");
  assert.equal(drain(follower), "");
  for (const text of ["b\n", "c\n", "d\n"]) {
    rotate();
    writeFileSync(current(), text);
  }
  for (const name of readdirSync(folder)
    .filter((each) => each.startsWith("@"))
    .sort()
    .slice(0, 2))
    unlinkSync(join(folder, name));
  assert.equal(drain(follower), "c\nd\n");
  follower.close();
});

const stamp = "@400000003d6387281f8fa4ac";
const lines = `${stamp} info msg 7: bytes 2000 from <A@x.y> qp 8 uid 1000
${stamp} starting delivery 3: msg 7 to remote joe@example.com
@400000003d6387291f8fa4ac delivery 3: deferral: 2001:db8::9_does_not_like_recipient./Remote_host_said:_451_4.7.1_later/
`;
const expected = {
  delivery: 3,
  message: 7,
  result: "deferral",
  class: "greylist",
  channel: "remote",
  recipient: "joe@example.com",
  sender: "a@x.y",
  bytes: 2000,
  qp: 8,
  uid: 1000,
  birth: 1029932830.5295075,
  start: 1029932830.5295075,
  end: 1029932831.5295075,
  delay: 1,
  xdelay: 1,
  remote: { ip: "2001:db8::9", family: 6, tls: null, cipher: null },
  reason: "2001:db8::9 does not like recipient./Remote host said: 451 4.7.1 later/",
};

test("a report of deliveries has one object for each, with times as numbers [L-055]", () => {
  const report = (...args: readonly string[]) =>
    spawnSync(multiCallPath, ["quail", "report", "--deliveries", ...args, "-"], { input: lines }).stdout.toString();
  const [line, ...more] = report().trimEnd().split("\n");
  assert.deepEqual([JSON.parse(line ?? ""), more], [expected, []]);
  assert.equal(report("--since", "1029932832"), "");
});

test("a followed report tells deliveries as they end, across a rotation, until it is told to end [L-055] [L-058]", async () => {
  const [info = "", start = "", end = ""] = lines.split(/(?<=\n)/);
  writeFileSync(current(), info + start);
  const child: ChildProcess = spawn(multiCallPath, ["quail", "report", "--deliveries", "--follow", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  rotate();
  writeFileSync(current(), end);
  for (let n = 0; n < 1200 && !out.endsWith("\n"); n++) await new Promise((wake) => setTimeout(wake, 25));
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "close"), [0, null]);
  assert.deepEqual(JSON.parse(out), expected);
});
