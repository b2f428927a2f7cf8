import { type ByteString, displayText } from "#bytes";

/** Peers' bytes for a terminal: UTF-8, and no control characters that could move the cursor or colour the screen. */
export function shown(text: ByteString): string {
  return displayText(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "_");
}

/** The same for text of many lines: LF and TAB stay. */
export function shownLines(text: ByteString): string {
  return text
    .split("\n")
    .map((line) => line.split("\t").map(shown).join("\t"))
    .join("\n");
}

/** qmail-qread's alphabet: octets below 33 and above 126 become `_`. */
export function visible(text: ByteString): string {
  return text.replace(/[^\x21-\x7e]/g, "_");
}

const sizes = ["", "K", "M", "G", "T"] as const;

/** `512`, `1.2K`, `34M`: at most four characters. */
export function shownSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < sizes.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)}${sizes[unit]}`;
}

/** A span of time in its two largest units: `12s`, `4m10s`, `2h05m`, `3d04h`. */
export function shownSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor((seconds % 86_400) / 3600))}h`;
}

/** `2026-11-22 09:46:39` in local time, as people read it. */
export function shownTime(moment: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
}
