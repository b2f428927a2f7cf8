/** Showing the log as it comes, without ever making a service wait for whoever watches. */
import { write } from "node:fs";
import { styleText } from "node:util";

/** Lines that wait for a slow terminal; what comes beyond is left out and counted (it is in the log files). */
const maxPendingBytes = 256 * 1024;
const retryMs = 50;

/** A descriptor written off the event loop, in order, a full one never waited for. */
export type Follower = { show(text: string): void; flush(): Promise<void> };

export function follow(fd: number): Follower {
  let pending: string[] = [];
  let pendingBytes = 0;
  let leftOut = 0;
  let busy = false;
  let gone = false;
  let idle: (() => void)[] = [];

  const settle = (): void => {
    for (const wake of idle) wake();
    idle = [];
  };
  const send = (bytes: Buffer): void => {
    busy = true;
    write(fd, bytes, (error, written) => {
      if (error !== null && error.code !== "EAGAIN") {
        gone = true; // Nobody watches any more; the log files have it all.
        busy = false;
        settle();
        return;
      }
      const rest = bytes.subarray(error === null ? written : 0);
      if (rest.length > 0) setTimeout(() => send(rest), error === null ? 0 : retryMs);
      else {
        busy = false;
        next();
      }
    });
  };
  const next = (): void => {
    if (pending.length === 0) {
      settle();
      return;
    }
    const text = pending.join("");
    const more = leftOut > 0 ? `(${leftOut} lines are not shown here; they are in log/)\n` : "";
    pending = [];
    pendingBytes = 0;
    leftOut = 0;
    send(Buffer.from(text + more, "latin1"));
  };
  return {
    show(text) {
      if (gone) return;
      if (pendingBytes > maxPendingBytes) {
        leftOut += text.split("\n").length - 1;
        return;
      }
      pending.push(text);
      pendingBytes += text.length;
      if (!busy) next();
    },
    flush: () => (busy && !gone ? new Promise((done) => idle.push(done)) : Promise.resolve()),
  };
}

const colours = ["cyan", "green", "magenta", "yellow", "blue"] as const;

/** The moment of a TAI64N stamp as local time of day; null if the line has none. */
function timeOfDay(line: string): string | null {
  if (!/^@[0-9a-f]{24} /.test(line)) return null;
  const seconds = Number(BigInt(`0x${line.slice(1, 17)}`) - 0x4000_0000_0000_000an);
  const moment = new Date(seconds * 1000);
  const millis = String(Math.floor(Number.parseInt(line.slice(17, 25), 16) / 1e6)).padStart(3, "0");
  return `${moment.toTimeString().slice(0, 8)}.${millis}`;
}

/** Lines of a service's log for people: time of day, service, text; coloured only for a terminal. */
export function logFormatter(names: readonly string[], colour: boolean): (name: string, lines: Buffer) => string {
  const width = Math.max(0, ...names.map((name) => name.length));
  const shown = new Map(
    names.map((name, at) => {
      const padded = name.padEnd(width);
      return [
        name,
        colour ? styleText(colours[at % colours.length]!, padded, { validateStream: false }) : padded,
      ] as const;
    }),
  );
  return (name, lines) =>
    lines
      .toString("latin1")
      .split("\n")
      .slice(0, -1)
      .map((line) => {
        const time = timeOfDay(line);
        const text = time === null ? line : line.slice(26);
        // A terminal must not obey what a service quotes: control characters are shown as ?.
        return `${time ?? ""}  ${shown.get(name) ?? name}  ${text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "?")}\n`;
      })
      .join("");
}
