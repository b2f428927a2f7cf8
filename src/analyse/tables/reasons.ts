import type { ByteString } from "#bytes";
import { fixed } from "../awk-number.ts";
import { entry, type TableReport } from "./report.ts";

const fact = (what: string, fate: string): TableReport["explanation"] =>
  `One line per reason for ${what} sorted by xdelay. Information on each line:
* del is the number of deliveries that ${fate} for this reason.
* xdelay is the total xdelay on those deliveries.`;

/** A table of the reasons of one result. */
const reasonReport = (heading: string, explanation: string, result: ByteString): TableReport => ({
  heading,
  explanation,
  columns: ["del", "xdelay", "reason"],
  sortColumn: 1,
  isReason: true,
  newGathering() {
    const reasons = new Map<ByteString, { count: number; xdelay: number }>();
    return {
      take(record) {
        if (record.kind !== "d" || record.result !== result) return;
        const sum = entry(reasons, record.reason, () => ({ count: 0, xdelay: 0 }));
        sum.count++;
        sum.xdelay += record.end - record.start;
      },
      rows: () => [...reasons].map(([reason, { count, xdelay }]) => [String(count), fixed(xdelay, 2), reason]),
    };
  },
});

/** zdeferrals, zfailures, zsuccesses. */
export const deferrals = reasonReport("Reasons for deferral", fact("deferral", "were deferred"), "z");
export const failures = reasonReport("Reasons for failure", fact("failure", "failed"), "d");
export const successes = reasonReport("Reasons for success", fact("success", "succeeded"), "k");
