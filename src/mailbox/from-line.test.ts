import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReversePath } from "#mail";
import { fromLine } from "./from-line.ts";

const rows: readonly (readonly [sender: string, ms: number, line: string])[] = [
  ["joe@a.test", 7_000, "From joe@a.test Thu Jan 01 00:00:07 1970\n"],
  ["joe@a.test", 1_795_348_799_000, "From joe@a.test Sun Nov 22 11:59:59 2026\n"],
  ["", 951_782_400_000, "From MAILER-DAEMON Tue Feb 29 00:00:00 2000\n"],
  ["#@[]", 0, "From #@[] Thu Jan 01 00:00:00 1970\n"],
  ["j o\te\n@a.test", 0, "From j-o-e-@a.test Thu Jan 01 00:00:00 1970\n"],
];

test("the From_ line is GMT in the layout of asctime, the null path is MAILER-DAEMON [Q-166] [Q-167]", () => {
  for (const [sender, ms, line] of rows) assert.equal(fromLine(sender as ReversePath, new Date(ms)), line);
});
