import assert from "node:assert/strict";
import { test } from "node:test";
import { queueExitCode, queueExitOutcome } from "./queue-exit.ts";

const rows: readonly [code: number | null, fate: string, text: string][] = [
  [0, "done", ""],
  [11, "permanent", "envelope address too long for qq (#5.1.3)"],
  [115, "permanent", "envelope address too long for qq (#5.1.3)"],
  [12, "permanent", "qq permanent problem (#5.3.0)"],
  [31, "permanent", "mail server permanently rejected message (#5.3.0)"],
  [40, "permanent", "qq permanent problem (#5.3.0)"],
  [41, "temporary", "qq temporary problem (#4.3.0)"],
  [51, "temporary", "qq out of memory (#4.3.0)"],
  [54, "temporary", "qq read error (#4.3.0)"],
  [66, "temporary", "qq trouble creating files in queue (#4.3.0)"],
  [71, "temporary", "mail server temporarily rejected message (#4.3.0)"],
  [74, "temporary", "communication with mail server failed (#4.4.2)"],
  [91, "temporary", "qq internal bug (#4.3.0)"],
  [120, "temporary", "unable to exec qq (#4.3.0)"],
  [1, "temporary", "qq temporary problem (#4.3.0)"],
  [null, "temporary", "qq crashed (#4.3.0)"],
];

test("every exit code of a queue program has its fate and its words (spec 2.2)", () => {
  for (const [code, fate, text] of rows) assert.deepEqual(queueExitOutcome(code), { fate, text }, String(code));
});

test("exit 82 speaks with the program's own words, D for good and anything else for now (spec 2.2)", () => {
  assert.deepEqual(queueExitOutcome(82, "Dno thanks"), { fate: "permanent", text: "no thanks" });
  assert.deepEqual(queueExitOutcome(82, "Zlater\n"), { fate: "temporary", text: "later" });
  assert.deepEqual(queueExitOutcome(82, "Dno\0more"), { fate: "permanent", text: "no" });
  assert.deepEqual(queueExitOutcome(82, "D"), { fate: "temporary", text: "qq temporary problem (#4.3.0)" });
  assert.deepEqual(queueExitOutcome(31, "Dignored"), queueExitOutcome(31));
});

test("an outcome's exit code means that outcome again; texts of others get 31 or 71", () => {
  for (let code = 0; code <= 255; code++) {
    const outcome = queueExitOutcome(code);
    assert.deepEqual(queueExitOutcome(queueExitCode(outcome)).fate, outcome.fate, `code ${code}`);
  }
  for (const code of [0, 11, 31, 51, 52, 53, 54, 55, 56, 61, 62, 71, 72, 73, 74, 81, 120]) {
    assert.equal(queueExitCode(queueExitOutcome(code)), code);
  }
  assert.equal(queueExitCode({ fate: "permanent", text: "we know this virus" }), 31);
  assert.equal(queueExitCode({ fate: "temporary", text: "come again" }), 71);
});
