import { once } from "node:events";
import { readStamped } from "#log";
import type { Program } from "#process";

const lf = 0x0a;
/** `@` and 24 hex digits, and what must not follow them: one more. */
const stampChars = 26;
const stamp = /\n(@[0-9a-f]{24})(?![0-9a-f])/g;

/** `1999-08-23 21:04:05` of a moment, in the time zone of this process. */
function localTime(moment: Date): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${day} ${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":")}`;
}

/** Stamps as people read them. Consecutive lines mostly share their second. */
function localStamps(): (label: string) => string {
  let known = { seconds: "", shown: "" };
  return (label) => {
    const seconds = label.slice(0, 17);
    if (seconds !== known.seconds) {
      const moment = readStamped(label)?.at;
      known = { seconds, shown: moment === undefined ? "" : localTime(moment) };
    }
    // A moment that no calendar has stays as it is.
    if (known.shown === "") return label;
    return `${known.shown}.${String(Number.parseInt(label.slice(17), 16)).padStart(9, "0")}`;
  };
}

/** Replaces the TAI64N stamp at the beginning of lines. `end` gives what had to wait for more. */
export function localLines(): { take(chunk: Buffer): Buffer; end(): Buffer } {
  const local = localStamps();
  let waiting = "";
  let isWithinLine = false;
  const render = (text: string): Buffer => {
    if (text === "") return Buffer.alloc(0);
    const shown = `${isWithinLine ? "" : "\n"}${text}`.replace(stamp, (_, label: string) => `\n${local(label)}`);
    const out = Buffer.from(isWithinLine ? shown : shown.slice(1), "latin1");
    isWithinLine = text.charCodeAt(text.length - 1) !== lf;
    return out;
  };
  return {
    take(chunk) {
      const text = waiting + chunk.toString("latin1");
      const last = text.lastIndexOf("\n") + 1;
      // The beginning of a line that is too short to tell waits; what stands within one does not.
      const begins = last > 0 || !isWithinLine;
      const whole = begins && text.length - last < stampChars ? last : text.length;
      waiting = text.slice(whole);
      return render(text.slice(0, whole));
    },
    end: () => render(waiting),
  };
}

/** `tai64nlocal`: copies standard input to standard output, TAI64N stamps at the beginning of lines as local time. */
export const main: Program = async ({ stdin, stdout }) => {
  const lines = localLines();
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    if (!stdout.write(lines.take(chunk))) await once(stdout, "drain");
  }
  stdout.write(lines.end());
  return 0;
};
