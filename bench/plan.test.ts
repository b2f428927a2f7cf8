import assert from "node:assert/strict";
import { test } from "node:test";
import { cases } from "./cases/index.ts";
import { mainCells } from "./cells.ts";
import { messagesFor } from "./measure.ts";
import { estimateMinutes, planFor, quickPlan } from "./plan.ts";

const caseMinutes = (runs: number): number => cases.reduce((sum, { minutes }) => sum + minutes(runs), 0);

test("a plan fits its budget, and a larger budget never measures less", () => {
  const budgets = [20, 35, 45, 60, 90];
  const plans = budgets.map((minutes) => planFor(minutes, caseMinutes));
  for (const [at, plan] of plans.entries()) {
    const estimate = estimateMinutes(plan, caseMinutes);
    assert.ok(estimate <= Math.max(budgets[at]!, 20), `${budgets[at]} minutes: ${estimate}`);
    const shorter = plans[at - 1];
    if (shorter !== undefined) assert.ok(plan.main.length * plan.mainRuns >= shorter.main.length * shorter.mainRuns);
  }
  assert.ok(planFor(35, caseMinutes).mainRuns >= 5);
  assert.ok(estimateMinutes(quickPlan, caseMinutes) < 3);
});

test("a slow server sends fewer messages than the cell says, and never so few that they tell nothing", () => {
  const one = mainCells.find(({ perConnection, sessions }) => perConnection === "one" && sessions === 20)!;
  const many = mainCells.find(({ perConnection, sessions }) => perConnection === "many" && sessions === 20)!;
  const length = { warmSeconds: 2, seconds: 3, maxSeconds: 6, patience: "none" } as const;
  assert.equal(messagesFor(one, 5000, length), 6600);
  assert.equal(messagesFor(one, 500, length), 3000);
  assert.equal(messagesFor(one, 5, length), 60);
  assert.equal(messagesFor(many, 5, length), 600);
});
