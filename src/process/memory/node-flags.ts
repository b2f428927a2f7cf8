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
 * The queue's garbage is message bytes, outside V8's heap, where only a collection frees them. With V8's own 16 MB for new objects
 * these come so seldom that the bytes outside call for whole collections instead: 33 in 11,000 messages of 10 KB, a third of
 * the queue's CPU with their helper threads; with 2 MB, 4 (`--trace-gc`), and 15% less CPU per message.
 */
const queueFlags: readonly string[] = ["--max-semi-space-size=2"];

/** The options of one service. */
export function nodeFlagsOf(service: string): readonly string[] {
  return service === "queue" ? [...serviceNodeFlags, ...queueFlags] : serviceNodeFlags;
}

/**
 * The environment for the same: malloc keeps two pools instead of one per thread (16 with two processors), for memory freed in one
 * is of no use to the others. `services/run.ts` takes it out again, so programs that users run do not inherit it.
 */
export const serviceMemoryEnv: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2" };
