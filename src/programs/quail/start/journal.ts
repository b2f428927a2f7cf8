/** Lines as systemd's journal takes them: a priority in front (sd-daemon(3)), no time, no colours. */
import { fstatSync } from "node:fs";

const priorities = [
  [/^alert:/, 1],
  [/^warning:/, 4],
] as const;
const info = 6;

/** True if this descriptor leads to the journal, as JOURNAL_STREAM (`DEVICE:INODE`) says. */
export function leadsToJournal(env: NodeJS.ProcessEnv, fd: number): boolean {
  if (env.JOURNAL_STREAM === undefined) return false;
  const { dev, ino } = fstatSync(fd);
  return env.JOURNAL_STREAM === `${dev}:${ino}`;
}

/** Log lines of a service for the journal: `<6>smtpd: session begins ...`. */
export function journalLines(name: string, lines: Buffer): string {
  return lines
    .toString("latin1")
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const text = line.replace(/^@[0-9a-f]{24} /, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "?");
      return `<${priorities.find(([word]) => word.test(text))?.[1] ?? info}>${name}: ${text}\n`;
    })
    .join("");
}
