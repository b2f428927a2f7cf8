/**
 * The order of system calls on the fast path, under strace: what is promised (a 250, a delivery's success) is said only after the
 * sync that makes it true. The crash tests kill processes, but the kernel outlives those; a sync that is missing shows here.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { House, hasCommand, inbox } from "../system/house.ts";
import { sendOne } from "../system/smtp-client.ts";

const sessions = 10;
const messagesPerSession = 8;
const messages = sessions * messagesPerSession;

/** strace is there and may trace its own children (containers often forbid it). */
function cannotTrace(): string | false {
  if (!hasCommand("strace")) return "strace is not installed";
  try {
    execFileSync("strace", ["-f", "-o", "/dev/null", "true"], { stdio: "ignore" });
    return false;
  } catch {
    return "strace is not allowed to trace here";
  }
}

/** One system call: when it began and ended, as line numbers of the trace (-1: it never ended). */
type Call = {
  readonly name: string;
  readonly args: string;
  readonly began: number;
  ended: number;
  result: string;
};

/** Calls in the order they began. */
function parseTrace(text: string): readonly Call[] {
  const calls: Call[] = [];
  const open = new Map<string, Call>();
  for (const [line, content] of text.split("\n").entries()) {
    const begun = /^(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>|\) += (-?\d+|\?).*)$/.exec(content);
    const resumed = /^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+|\?)/.exec(content);
    if (begun !== null) {
      const [, pid = "", name = "", args = "", result] = begun;
      const call: Call = { name, args, began: line, ended: result === undefined ? -1 : line, result: result ?? "" };
      calls.push(call);
      if (result === undefined) open.set(`${pid} ${name}`, call);
    } else if (resumed !== null) {
      const [, pid = "", name = "", result = ""] = resumed;
      const call = open.get(`${pid} ${name}`);
      if (call === undefined) continue;
      call.ended = line;
      call.result = result;
      open.delete(`${pid} ${name}`);
    }
  }
  return calls;
}

const isWrite = ({ name }: Call): boolean =>
  name === "write" || name === "writev" || name === "sendto" || name === "sendmsg";
const isSync = ({ name, result }: Call): boolean => /^(fsync|fdatasync|syncfs)$/.test(name) && result === "0";

/** What the queue answered at its door, each answer checked: nothing written to the log of the database was unsynced then. */
function checkDoor(calls: readonly Call[]): ReadonlyMap<number, number> {
  const answered = new Map<number, number>();
  let unsynced: Call | null = null;
  for (const call of calls) {
    if (call.name === "pwrite64" && call.args.includes("queue.db-wal")) unsynced = call;
    else if (isSync(call) && call.args.includes("queue.db-wal")) {
      if (unsynced !== null && unsynced.ended < call.began) unsynced = null;
    } else if (isWrite(call) && call.args.includes("queue/door")) {
      // Nothing else that crosses this line has a K before a digit: an answer is K and the queue's number for the message.
      for (const [, id] of call.args.matchAll(/K(\d+)/g)) {
        assert.equal(unsynced, null, `message ${id} was answered before the sync:\n${call.args.slice(0, 300)}`);
        answered.set(Number(id), call.began);
      }
    }
  }
  return answered;
}

/** Successes reported by the delivery worker, never more than files renamed before the start of a sync that has ended. */
function checkDeliveries(calls: readonly Call[]): number {
  const renames = calls.filter(
    ({ name, args, result }) => name === "rename" && args.includes("/Maildir/new/") && result === "0",
  );
  const syncs = calls.filter((call) => call.name === "syncfs" && isSync(call));
  let reported = 0;
  for (const call of calls) {
    if (!isWrite(call)) continue;
    const successes = call.args.match(/Kdid 1\+0\+0/g)?.length ?? 0;
    if (successes === 0) continue;
    reported += successes;
    const lastSync = syncs
      .filter(({ ended }) => ended < call.began)
      .reduce((last, { began }) => Math.max(last, began), -1);
    const durable = renames.filter(({ ended }) => ended < lastSync).length;
    assert.ok(reported <= durable, `${reported} deliveries reported, ${durable} durable`);
  }
  return reported;
}

test("every 250 and every success of a delivery comes after the sync it rests on", {
  skip: cannotTrace(),
}, async (t) => {
  const calls = "write,writev,sendto,sendmsg,pwrite64,rename,fsync,fdatasync,syncfs";
  const folder = mkdtempSync(join(tmpdir(), "quail-sync-order-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const trace = join(folder, "trace");
  const strace = [
    "strace",
    "-D",
    "-f",
    "--seccomp-bpf",
    "-qq",
    "-yy",
    "-s",
    "4096",
    "-e",
    "signal=none",
    "-e",
    `trace=${calls}`,
    "-o",
    trace,
  ];
  {
    await using house = await House.open({ wrapper: strace, control: { concurrencylocal: "50\n" } });
    await Promise.all(
      Array.from({ length: sessions }, async (_, session) => {
        for (let n = 0; n < messagesPerSession; n++) {
          const body = Buffer.from(`Subject: ${session}.${n}\n\n${"a line of text\n".repeat(40)}`);
          await sendOne(house.ports.smtp, "a@sync.test", [inbox], body);
        }
      }),
    );
    await house.mail(messages);
  }
  const seen = parseTrace(readFileSync(trace, "latin1"));
  const answered = checkDoor(seen);
  const promised = seen.flatMap((call) => {
    const reply = isWrite(call) && call.args.includes("TCP") ? /250 2\.0\.0 ok \d+ qp (\d+)/.exec(call.args) : null;
    return reply === null ? [] : [{ id: Number(reply[1]), at: call.began }];
  });
  assert.equal(promised.length, messages);
  for (const { id, at } of promised) {
    const answeredAt = answered.get(id);
    assert.ok(answeredAt !== undefined && answeredAt < at, `message ${id} was promised before the queue answered`);
  }
  assert.equal(checkDeliveries(seen), messages);
  t.diagnostic(`${(seen.filter(isSync).length / messages).toFixed(2)} syncs a message`);
});
