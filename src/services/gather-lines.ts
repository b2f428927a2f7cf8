/** Longest a line waits before it is written, in milliseconds: short enough to read along, long enough to gather a burst. */
const delayMs = 20;
const highWaterChars = 64 * 1024;

/** Gathers lines (each with its LF) and hands them to `write` in bursts; `flush` writes at once. */
export function gatherLines(write: (text: string) => void): { add(line: string): void; flush(): void } {
  let lines: string[] = [];
  let chars = 0;
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (lines.length === 0) return;
    const text = lines.join("");
    lines = [];
    chars = 0;
    write(text);
  };
  return {
    flush,
    add(line) {
      lines.push(line);
      chars += line.length;
      if (chars > highWaterChars) flush();
      else timer ??= setTimeout(flush, delayMs);
    },
  };
}
