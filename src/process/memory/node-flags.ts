/**
 * How Node is started for our long-lived processes. What each option costs and gives is in docs/decisions/processes-and-rights.md.
 */

/** Node's options for a service or a delivery worker. */
export const serviceNodeFlags: readonly string[] = [
  // What Node says of itself at each start: that parts of it are new, that native code could pass by its permissions.
  "--disable-warning=ExperimentalWarning",
  "--disable-warning=PERM0001",
  // `tidyWhenQuiet` calls the collector.
  "--expose-gc",
  // Our heaps are small (12 MB) beside V8's 16 MB for new objects, and then V8 begins to mark all of the heap again as soon as it is
  // done: a third of the queue's CPU under load, with its helper threads. Heaps may grow to three times what lives in them, and
  // message bytes count as part of it: 2 whole collections instead of 18 in 7,000 messages of 10 KB (`--trace-gc`).
  "--heap-growing-percent=200",
  "--external-memory-accounted-in-global-limit",
];

/**
 * The environment for the same: malloc keeps two pools instead of one per thread (16 with two processors), for memory freed in one
 * is of no use to the others. `services/run.ts` takes it out again, so programs that users run do not inherit it.
 */
export const serviceMemoryEnv: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2" };

/**
 * For services that have little to do and pass no mail: malloc asks for no more than it needs and gives back what is free. 0.4 MB each;
 * where there is much to do it would ask and give back all the time.
 */
export const quietServiceMemoryEnv: Readonly<Record<string, string>> = {
  ...serviceMemoryEnv,
  MALLOC_TOP_PAD_: "0",
  MALLOC_TRIM_THRESHOLD_: "65536",
};

/** Variables of these that are in force once a process has started, and are nobody else's. */
export const memoryVariables: readonly string[] = Object.keys(quietServiceMemoryEnv);
