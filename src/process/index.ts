/**
 * Room `process`: programs as functions (a `Program` is what every classic command exports), running one in this process
 * or as a real child, and the process's own odds and ends. Ground floor: knows no mail.
 */
export { type Exec, type Program, type ProgramCall, type ProgramIndex, UsageError } from "./program.ts";
