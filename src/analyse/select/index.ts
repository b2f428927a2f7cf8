/** Room `analyse`, picking lines out of logs: qlogselect and logselect. */
export { pump, StreamTrouble } from "../filter-program.ts";
export { LineSplitter } from "../line-splitter.ts";
export { readLogFile } from "../read-log.ts";
export { LineSelector, type Selected, type Selection } from "./select-lines.ts";
