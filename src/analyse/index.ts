/**
 * Room `analyse`: what the logs tell. Reads lines as qmail-send and our own services write them, with any of the stamps that are in
 * use; pure but for `follow`. `#analyse/matching` is matchup, `#analyse/tables` the reports of qmailanalog.
 */
export { Fields, type LogNumber } from "./fields.ts";
export { LineSplitter } from "./line-splitter.ts";
export { Matcher } from "./matcher.ts";
export { Stamp } from "./stamp.ts";
