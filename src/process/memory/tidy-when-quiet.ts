/** How often is looked whether the process is quiet, in milliseconds. */
const lookEveryMs = 2_000;
/** Less CPU time than this between two looks is quiet, in microseconds: 1% of a processor. */
const quietBelowUs = 20_000;
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
 * Gives memory back once each time this process becomes quiet after work (its start is work too). Keeps no process alive.
 * Needs `node --expose-gc`; does nothing without it.
 */
export function tidyWhenQuiet(collect: Collector | null = collectorOfNode(), everyMs = lookEveryMs): void {
  if (collect === null) return;
  let worked = true;
  let last = process.cpuUsage();
  const look = (): void => {
    const { user, system } = process.cpuUsage(last);
    const quiet = user + system < (quietBelowUs * everyMs) / lookEveryMs;
    if (quiet && worked && process.memoryUsage().heapTotal <= maxHeapBytes) collect();
    worked = !quiet;
    last = process.cpuUsage(); // The collection itself is not work.
  };
  setInterval(look, everyMs).unref();
}
