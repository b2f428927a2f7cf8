import assert from "node:assert/strict";
import { test } from "node:test";
import { type Options, readOptions } from "./options.ts";

const read = (...args: string[]): Options | string => readOptions(args);

test("a budget in minutes, names of servers, a case", () => {
  const options = read("--budget", "35", "--only", "quail,bare", "--case", "backlog");
  assert.ok(typeof options === "object");
  assert.equal(options.budgetMinutes, 35);
  assert.deepEqual(options.only, ["Quail", "bare"]);
  assert.equal(options.cases, "backlog");
  assert.equal(options.runs, null);
});

test("what makes no sense is refused with a sentence that says what would", () => {
  assert.match(read("--budget", "soon") as string, /^--budget soon: a number from 1 to 999/);
  assert.match(read("--only", "sendmail") as string, /^--only sendmail: there are quail, postfix, opensmtpd/);
  assert.match(read("--fast") as string, /--fast/);
  assert.equal(read("--help"), "help");
});
