const lf = 0x0a;
/** A line longer than this is cut: a service gone wild must not fill our memory. */
const maxLineBytes = 64 * 1024;

/** Turns a stream's chunks into chunks of whole lines. `end` gives what is left, with an LF. */
export function wholeLines(give: (lines: Buffer) => void): { take(chunk: Buffer): void; end(): void } {
  let rest: Buffer = Buffer.alloc(0);
  return {
    take(chunk) {
      const last = chunk.lastIndexOf(lf);
      if (last < 0) {
        rest = Buffer.concat([rest, chunk]);
        if (rest.length <= maxLineBytes) return;
        give(Buffer.concat([rest, Buffer.of(lf)]));
        rest = Buffer.alloc(0);
        return;
      }
      const whole = chunk.subarray(0, last + 1);
      give(rest.length === 0 ? whole : Buffer.concat([rest, whole]));
      rest = chunk.subarray(last + 1);
    },
    end() {
      if (rest.length > 0) give(Buffer.concat([rest, Buffer.of(lf)]));
      rest = Buffer.alloc(0);
    },
  };
}
