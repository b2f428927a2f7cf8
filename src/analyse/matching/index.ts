/** Room `analyse`, matchup alone: a door of its own, for a log processor that runs at every rotation. */
export { type Filter, filterProgram, pump, StreamTrouble } from "../filter-program.ts";
export { MatchUp } from "../match-up.ts";
