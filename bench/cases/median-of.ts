import type { ContenderName } from "../peers/server.ts";
import { middle } from "../report/statistics.ts";

/** The median of one measurement over a contender's runs; null if it has none. */
export function medianOf<T extends object>(
  results: ReadonlyMap<ContenderName, readonly T[] | string>,
  name: ContenderName,
  key: keyof T,
): number | null {
  const runs = results.get(name);
  if (runs === undefined || typeof runs === "string") return null;
  return middle(runs.map((run) => (typeof run[key] === "number" ? run[key] : null)));
}
