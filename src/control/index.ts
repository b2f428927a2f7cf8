/**
 * Room `control`: reading control files by qmail's rules (spec 3.1), and the catalogue of all of them. Ground floor. Missing
 * means the default; unreadable is an error, never a default.
 */
export { type ControlEntry, ControlError, readEntries, readLines, readNumber, readValue } from "./read.ts";
