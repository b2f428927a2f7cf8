/** Room `analyse`, the filters of stamps alone: a door of their own, for programs that do nothing else. */
export { type Filter, filterProgram, pump, StreamTrouble } from "../filter-program.ts";
export { decimalFromLabel, labelFromDecimal, longestStamp, unixFromLabel } from "./convert.ts";
export { leadFilter } from "./lead-filter.ts";
