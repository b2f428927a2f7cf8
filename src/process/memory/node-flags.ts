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
];

/**
 * The environment for the same: malloc keeps two pools instead of one per thread (16 with two processors), for memory freed in one
 * is of no use to the others. `services/run.ts` takes it out again, so programs that users run do not inherit it.
 */
export const serviceMemoryEnv: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2" };
