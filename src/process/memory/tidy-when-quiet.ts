/** How often is looked whether the process is quiet, in milliseconds. */
const lookEveryMs = 2_000;
/** Less of a processor than this is quiet. */
const quietShare = 0.01;
/** A process that has worked is left as it is, its code compiled and warm, until it was quiet this long. */
const quietAfterWorkMs = 600_000;
/** What the last of a start may take after it said that it is ready, in microseconds of CPU time; more is work. */
const littleWorkUs = 300_000;
/** A larger heap is left to V8: collecting it to the last byte takes as long as a client notices (about 1 s per 100 MB). */
const maxHeapBytes = 96 * 1024 * 1024;

/** Collects all garbage and gives free pages back, now. */
export type Collector = () => void;

/** V8's own, which `node --expose-gc` shows: "last resort" alone gives pages back at once. Null without that option. */
function collectorOfNode(): Collector | null {
  const { gc } = globalThis;
  return gc === undefined ? null : () => void gc({ type: "major", execution: "sync", flavor: "last-resort" });
}

/**
 * Gives memory back once the start is over, and later once after each time of work that is followed by ten quiet minutes: the
 * collection throws compiled code away too, so that the next 3,000 messages cost a quarter more. For the same reason a process that
 * has work from the start waits as long. Call it when the start is over. Keeps no process alive; needs `node --expose-gc`.
 */
export function tidyWhenQuiet(
  collect: Collector | null = collectorOfNode(),
  everyMs = lookEveryMs,
  afterWorkMs = quietAfterWorkMs,
): void {
  if (collect === null) return;
  const quietBelowUs = quietShare * everyMs * 1_000;
  const begun = process.cpuUsage();
  let last = begun;
  let hasWorked = false;
  let isTidy = false;
  let quietMs = 0;
  const look = (): void => {
    const { user, system } = process.cpuUsage(last);
    const isQuiet = user + system < quietBelowUs;
    quietMs = isQuiet ? quietMs + everyMs : 0;
    if (!isQuiet) isTidy = false;
    hasWorked ||= cpuSince(begun) > littleWorkUs;
    if (!isTidy && quietMs >= (hasWorked ? afterWorkMs : everyMs)) {
      if (process.memoryUsage().heapTotal <= maxHeapBytes) collect();
      isTidy = true;
      hasWorked = true; // What comes now is work.
    }
    last = process.cpuUsage(); // The collection itself is not.
  };
  setInterval(look, everyMs).unref();
}

function cpuSince(then: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(then);
  return user + system;
}
