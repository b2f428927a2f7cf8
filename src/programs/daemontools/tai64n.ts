import { once } from "node:events";
import { fineClock, tai64nLabel } from "#log/multilog";
import type { Program } from "#process";

const lf = 0x0a;

/** Puts a stamp before each line; a line has that of the moment when its first byte came. */
export function stampLines(stamp: () => string): (chunk: Buffer) => Buffer {
  let isWithinLine = false;
  return (chunk) => {
    if (chunk.length === 0) return chunk;
    const label = `${stamp()} `;
    const first = isWithinLine ? "" : label;
    const ends = chunk[chunk.length - 1] === lf;
    const text = chunk.toString("latin1", 0, ends ? chunk.length - 1 : chunk.length).replaceAll("\n", `\n${label}`);
    isWithinLine = !ends;
    return Buffer.from(`${first}${text}${ends ? "\n" : ""}`, "latin1");
  };
}

/** `tai64n`: copies standard input to standard output, with a TAI64N stamp before each line. */
export const main: Program = async ({ stdin, stdout }) => {
  const clock = fineClock();
  const stamped = stampLines(() => tai64nLabel(clock()));
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    if (!stdout.write(stamped(chunk))) await once(stdout, "drain");
  }
  return 0;
};
