import assert from "node:assert/strict";
import { test } from "node:test";
import { type ControlName, checkText, controlFile } from "./index.ts";

const regular = "looks like a regular expression; patterns here know * only";

/** A file, a line in it, and what is wrong with that; null: nothing. */
const table: readonly (readonly [ControlName, string, string | null])[] = [
  ["badmailfrompatterns", "*@*.spam.example", null],
  ["badmailfrompatterns", "!*@good.spam.example", null],
  ["badmailfrompatterns", "*lottery*", null],
  ["badmailfrompatterns", "spam.example", "has neither @ nor *, so that it fits no address"],
  ["badmailfrompatterns", "!", "is a ! without a pattern"],
  ["badmailfrompatterns", "^.*@spam\\.example$", regular],
  ["badmailfrompatterns", "!^boss@", regular],
  ["badrcptpatterns", ".*@old.example", regular],
  ["badrcptpatterns", "joe+old*@example.com", null],
  ["badrcptpatterns", "*.|*@example.com", null],
  ["badhelo", "localhost", null],
  ["badhelo", "[*]", null],
  ["badhelo", "\\.dyn\\.", regular],
];

for (const [name, line, reason] of table) {
  test(`control/${name}: ${line} ${reason ?? "is fine"}`, () => {
    const problems = checkText(name, controlFile(name), `${line}\n`);
    const expected = reason === null ? [] : [{ file: `control/${name}`, line: 1, level: "error", reason }];
    assert.deepEqual(problems, expected);
  });
}
