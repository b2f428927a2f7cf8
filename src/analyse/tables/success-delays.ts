import { awkText, fixed } from "../awk-number.ts";
import type { TableReport } from "./report.ts";

/** Fewer than so many in a hundred say nothing. */
const leastPercent = 10;

/** zddist: within how many seconds how many of a hundred successes had happened. */
export const successDelays: TableReport = {
  heading: "Distribution of ddelays for successful deliveries",
  explanation: `Meaning of each line: The first pct% of successful deliveries
all happened within doneby seconds. The average ddelay was avg.`,
  columns: ["doneby", "avg", "pct"],
  sortColumn: 2,
  newGathering() {
    // By their text, six significant digits: delays that print alike are one.
    const counts = new Map<string, number>();
    return {
      take(record) {
        if (record.kind !== "d" || record.result !== "k") return;
        const delay = awkText(record.end - record.birth);
        counts.set(delay, (counts.get(delay) ?? 0) + 1);
      },
      rows: () => distribution([...counts].map(([text, count]) => [Number(text), count] as const)),
    };
  },
};

/** Rows `doneby avg pct`; avg is the mean of the distinct delays so far, as the original has it. */
function distribution(delays: readonly (readonly [delay: number, count: number])[]): readonly (readonly string[])[] {
  const inOrder = delays.toSorted(([a], [b]) => a - b);
  const total = inOrder.reduce((sum, [, count]) => sum + count, 0);
  const rows: [doneBy: number, average: number, percent: number][] = [];
  let cumulative = 0;
  let sum = 0;
  let distinct = 0;
  for (const [delay, count] of inOrder) {
    cumulative += count;
    sum += delay;
    distinct++;
    const percent = Math.trunc((cumulative * 100) / total);
    const last = rows.at(-1);
    // The smallest delay of a percentage is its doneby; the average goes on to the largest.
    if (last?.[2] === percent) last[1] = sum / distinct;
    else rows.push([delay, sum / distinct, percent]);
  }
  return rows
    .filter(([, , percent]) => percent >= leastPercent)
    .map(([doneBy, average, percent]) => [fixed(doneBy, 2), fixed(average, 2), String(percent)]);
}
