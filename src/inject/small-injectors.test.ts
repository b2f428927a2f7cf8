import assert from "node:assert/strict";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Exec } from "#process";
import { mailsubj, predate } from "./small-injectors.ts";
import { callFor } from "./testing.ts";
import { zoneOffsetMinutes } from "./zone-offset.ts";

/** An exec that remembers what it was asked, and what its stdin held. */
function rememberingExec(code: number) {
  const calls: { words: readonly string[]; stdin: string }[] = [];
  const exec: Exec = async (words, change = {}) => {
    calls.push({ words, stdin: await text(change.stdin as Readable) });
    return code;
  };
  return { exec, calls };
}

test("mailsubj puts Subject and To in front of its stdin [Q-227]", async () => {
  const { exec, calls } = rememberingExec(0);
  const { call } = callFor({ args: ["a subject", "joe", "fred@sun"], stdin: "body\n", exec });
  assert.equal(await mailsubj(call), 0);
  assert.deepEqual(calls, [{ words: ["qmail-inject"], stdin: "Subject: a subject\nTo: joe fred@sun\n\nbody\n" }]);
});

test("predate puts a local-time Date with numeric zone in front of the child's stdin [Q-227]", async () => {
  const { exec, calls } = rememberingExec(7);
  const now = new Date(Date.UTC(1995, 8, 26, 4, 46, 53));
  const { call } = callFor({ args: ["child", "-x"], stdin: "To: a\n\n", env: { TZ: "America/Los_Angeles" }, exec });
  assert.equal(await predate(call, now), 7, "the child's exit code is its own");
  assert.deepEqual(calls, [{ words: ["child", "-x"], stdin: "Date: 25 Sep 1995 21:46:53 -0700\nTo: a\n\n" }]);
});

test("predate tells of a missing child and of one that was killed", async () => {
  const lonely = callFor({ args: [] });
  assert.equal(await predate(lonely.call, new Date()), 100);
  assert.equal(lonely.stderr(), "predate: usage: predate child\n");
  const killed = callFor({ args: ["child"], exec: rememberingExec(128 + 9).exec });
  assert.equal(await predate(killed.call, new Date()), 111);
  assert.equal(killed.stderr(), "predate: fatal: child crashed\n");
});

test("the caller's TZ decides what local time is", () => {
  const summer = new Date(Date.UTC(2026, 6, 1));
  const winter = new Date(Date.UTC(2026, 0, 1));
  const rows: [Date, string, number][] = [
    [summer, "Europe/Berlin", 120],
    [winter, ":Europe/Berlin", 60],
    [winter, "Asia/Kathmandu", 345],
    [winter, "America/St_Johns", -210],
    [winter, "UTC", 0],
    [winter, "", 0],
    [winter, "XYZ3", -180],
    [winter, "<+0330>-3:30", 210],
  ];
  for (const [moment, zone, expected] of rows) assert.equal(zoneOffsetMinutes(moment, zone), expected, zone);
  assert.equal(zoneOffsetMinutes(winter, undefined), -winter.getTimezoneOffset());
  assert.equal(zoneOffsetMinutes(winter, "no such zone"), -winter.getTimezoneOffset());
});
