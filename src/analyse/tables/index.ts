/**
 * Room `analyse`, the tables of qmailanalog: a door of its own, so that a report program loads nothing of `quail report`. Each takes
 * the lines matchup prints (`parseMatched`) and gives rows of text.
 */

import { deferrals, failures, successes } from "./reasons.ts";
import { recipientDelays, recipientHosts, recipients } from "./recipients.ts";
import type { TableReport } from "./report.ts";
import { senders, senderUids } from "./senders.ts";
import { successDelays } from "./success-delays.ts";

export { columns, columnText, fieldsOf } from "../columns.ts";
export { type Filter, filterProgram, pump, StreamTrouble } from "../filter-program.ts";
export { LineSplitter } from "../line-splitter.ts";
export { type Attempt, type Finished, parseMatched } from "./matched.ts";
export { Overall, overallExplanation, overallHeading } from "./overall.ts";
export { type Gathering, sorted, type TableReport } from "./report.ts";
export { sendmailLine } from "./sendmail-lines.ts";

/** The tables by their programs' names. */
export const tableReports: ReadonlyMap<string, TableReport> = new Map([
  ["zddist", successDelays],
  ["zdeferrals", deferrals],
  ["zfailures", failures],
  ["zsuccesses", successes],
  ["zrecipients", recipients],
  ["zrhosts", recipientHosts],
  ["zrxdelay", recipientDelays],
  ["zsenders", senders],
  ["zsuids", senderUids],
]);
