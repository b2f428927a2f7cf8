import { readFileSync } from "node:fs";
import { about, type Problem } from "./check-text.ts";
import { ControlError } from "./read.ts";
import { readSetting } from "./setting.ts";

/** Files a service may have open: two for each delivery, and some for itself (spec 9.4: at least 2 * concurrency + 5). */
const filesPerDelivery = 2;
const filesBeside = 64;

/** The limit on open files that a Quail started from here would have; null where the system does not say. */
function openFilesLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null; // No /proc.
  }
}

/** Concurrency that the limit on open files does not carry makes deliveries wait in masses (gotcha G38). */
export function checkConcurrency(home: string, limit = openFilesLimit()): readonly Problem[] {
  if (limit === null) return [];
  return (["concurrencylocal", "concurrencyremote"] as const).flatMap((name) => {
    const wanted = numberOf(home, name) * filesPerDelivery + filesBeside;
    const reason = `needs ${wanted} open files, and the limit here is ${limit} (ulimit -n): deliveries would wait`;
    return wanted > limit ? [about(name, "warning", reason, 1)] : [];
  });
}

/** 0 for one that cannot be read: reported by checkHome. */
function numberOf(home: string, name: "concurrencylocal" | "concurrencyremote"): number {
  try {
    return readSetting(home, name);
  } catch (error) {
    if (error instanceof ControlError) return 0;
    throw error;
  }
}
