/**
 * Room `analyse`: what the logs tell. Reads lines as qmail-send and our own services write them, with any of the stamps that are in
 * use, in memory that does not grow with the log. `#analyse/matching` is matchup, `#analyse/tables` the reports of qmailanalog.
 */
export { drawPage } from "./draw/page.ts";
export { type Drawing, drawTerminal } from "./draw/terminal.ts";
export type { LineSink } from "./line-splitter.ts";
export { readLogFile, readLogStream } from "./read-log.ts";
export { type ReasonClass, type RemoteFacts, reasonClass, remoteFacts } from "./reason-class.ts";
export { always, LogReport, maxOpenEntries, type Window } from "./report/log-report.ts";
export { type Source, type Summary, summarize } from "./report/summary.ts";
