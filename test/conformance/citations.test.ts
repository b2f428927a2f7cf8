import assert from "node:assert/strict";
import { test } from "node:test";
import { citedIds, parseStatements, standings, unknownIds } from "./citations.ts";

const rows: readonly (readonly [name: string, ids: readonly string[]])[] = [
  ["a bare LF is refused [Q-030]", ["Q-030"]],
  ["two at once [Q-030, Q-031]", ["Q-030", "Q-031"]],
  ["two places [Q-030] and [U-001]", ["Q-030", "U-001"]],
  ["a range cites nothing [Q-030..Q-033]", []],
  ["another kind of bracket [RFC 5321 §4.1]", []],
  ["no brackets Q-030", []],
];

test("IDs in brackets in a test's name are its citations", () => {
  for (const [name, ids] of rows) assert.deepEqual(citedIds(name), ids, name);
});

const statements = parseStatements("Q-001\tone\nQ-002\ttwo\nQ-003\tthree\nQ-004\tfour\n");
const results = [
  { name: "a [Q-001]", file: "", end: "pass" },
  { name: "b [Q-002]", file: "", end: "pass" },
  { name: "c [Q-002]", file: "", end: "fail" },
  { name: "d [Q-003]", file: "", end: "skip" },
  { name: "e [Q-999]", file: "", end: "pass" },
] as const;

test("a statement passes when a passing test cites it and no failing one does; a skipped test shows nothing", () => {
  assert.deepEqual(Object.fromEntries(standings(statements, results)), {
    "Q-001": "pass",
    "Q-002": "fail",
    "Q-003": "uncited",
    "Q-004": "uncited",
  });
});

test("an ID that no checklist holds is told", () => {
  assert.deepEqual(unknownIds(statements, results), ["Q-999"]);
});
