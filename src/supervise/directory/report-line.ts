import type { StatusRecord } from "./status-record.ts";

/** Seconds since a record's stamp, both cut to whole ones as svstat does; a stamp of the future is now. `nowMs`: since 1970. */
export function secondsSince({ seconds }: StatusRecord, nowMs: number): number {
  return Math.max(0, Math.floor(nowMs / 1000) - seconds);
}

/** What svstat says of a service behind its name, without LF (spec 3): `up (pid 17) 4 seconds, want down`. */
export function reportLine(record: StatusRecord, normallyUp: boolean, nowMs: number): string {
  const { pid, paused, wanted, state } = record;
  const isUp = pid !== 0;
  const suffixes: readonly (readonly [isSo: boolean, text: string])[] = [
    [isUp && !normallyUp, "normally down"],
    [!isUp && normallyUp, "normally up"],
    [isUp && paused, "paused"],
    [!isUp && wanted === "up", "want up"],
    [isUp && wanted === "down", "want down"],
    [isUp && wanted === "once" && state !== null, "once"],
    [state !== null, state ?? ""],
  ];
  const start = `${isUp ? `up (pid ${pid})` : "down"} ${secondsSince(record, nowMs)} seconds`;
  return [start, ...suffixes.filter(([isSo]) => isSo).map(([, text]) => text)].join(", ");
}
