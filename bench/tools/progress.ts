const width = 24;
const startedAt = Date.now();
let all = 1;
let done = 0;

function bar(): string {
  const share = Math.min(1, done / all);
  const full = Math.round(share * width);
  return `${"█".repeat(full)}${"░".repeat(width - full)} ${String(Math.round(share * 100)).padStart(3)}%`;
}

/** How much work there is, in any unit. */
export function progressOf(work: number): void {
  all = Math.max(1, work);
}

/** So much more of it is done, or will not be. */
export function progressBy(work: number): void {
  done += work;
}

/** A line on stderr that stays. */
export function complain(sentence: string): void {
  progress("");
  process.stderr.write(`bench: ${sentence}\n`);
}

/** What runs now, on one line of a terminal that is overwritten; nothing when stderr is a file. "" wipes it. */
export function progress(text: string): void {
  if (!process.stderr.isTTY) return;
  const minutes = Math.floor((Date.now() - startedAt) / 60_000);
  process.stderr.write(`\r\x1b[2K${text === "" ? "" : `${bar()} ${minutes} min  ${text}`}`);
}
