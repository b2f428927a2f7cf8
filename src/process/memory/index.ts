/**
 * Room `process`, memory at rest: a door of its own, so that services which may start no program do not load the code that does.
 *
 * V8 keeps what a busy time (or the start) made it take: room for new objects, half-empty pages, the memory of code that ran
 * once. That is right while there is work. A process that has become quiet gives it back: about 5 MB of 20 in a fresh service.
 */
export { cryptoLater } from "./later.ts";
export { memoryVariables, quietServiceMemoryEnv, serviceMemoryEnv, serviceNodeFlags } from "./node-flags.ts";
export { type Collector, tidyWhenQuiet } from "./tidy-when-quiet.ts";
