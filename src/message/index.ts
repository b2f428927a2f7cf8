/**
 * Room `message`: header fields, dates, trace lines; pure. Messages are bytes with LF line ends inside the house.
 */
export { mailDate } from "./date.ts";
export { type HeaderScan, scanHeader } from "./scan-header.ts";
