/**
 * Room `log`: lines for people and analysers. Ground floor: knows no mail. A log line is one event, stable words first; peers'
 * bytes pass through `safe` or `field` before they get in.
 */
export { eventLine, field } from "./event-line.ts";
export { logFileNames, logFiles, subfolders } from "./log-folder.ts";
export { decimalStamp, microsNow } from "./micros.ts";
export { readStamped, type StampedLine } from "./parse-tai64n.ts";
export { safe } from "./safe.ts";
export { shown, shownLines, shownSize, shownSpan, shownTime, visible } from "./shown.ts";
export { externalTai64n, tai64nOf } from "./tai64n.ts";
