/**
 * Room `process`: programs as functions (a `Program` is what every classic command exports), running one in this process
 * or as a real child, and the process's own odds and ends. Ground floor: knows no mail.
 *
 * `runProgram` is a process's whole life; `runInProcess` runs a program and hands back code and output; `makeExec` is what
 * a program is given to go on to the next one of a chain; `parsePlainCommand` tells a command line that needs no shell.
 */
export { type ExecBase, makeExec } from "./exec.ts";
export { findOwn, multiCallPath, type OwnProgram } from "./find-own.ts";
export { type Getopt, getopt } from "./getopt.ts";
export type { Limits, NewLimit, Resource } from "./limits.ts";
export { parsePlainCommand } from "./plain-command.ts";
export {
  type Exec,
  type ExecChange,
  type LoadProgram,
  type NewUser,
  type Program,
  type ProgramCall,
  type ProgramIndex,
  UsageError,
} from "./program.ts";
export { type InProcessCall, type InProcessResult, runInProcess } from "./run-in-process.ts";
export { runProgram } from "./run-program.ts";
export { type SpawnCall, spawnProgram } from "./spawn-program.ts";
export { writeAll } from "./write-all.ts";
