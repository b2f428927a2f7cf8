import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { readLogFile } from "#analyse/select";
import { errorText } from "#files";
import { logFileNames } from "#log";
import { type Program, UsageError, writeAll } from "#process";

const label = /^@[0-9a-f]{24}$/;
const labelLength = 25;
const trouble = 111;
/** Output is handed on in pieces of about this size. */
const pieceBytes = 64 * 1024;

const give = (text: string): never => {
  throw new UsageError(`logselect: ${text}`, trouble);
};

/** Files that may hold lines between two labels: a rotated file is named after its end. */
function filesBetween(folder: string, start: string, stop: string): readonly string[] {
  const names = logFileNames(folder).filter((name) => name === "current" || name.slice(0, labelLength) >= start);
  const last = names.findIndex((name) => name === "current" || name.slice(0, labelLength) > stop);
  return names.slice(0, last < 0 ? names.length : last + 1);
}

/**
 * `logselect DIR START STOP`: lines of a multilog folder from label START up to, not including, STOP. Lines without a label go with the
 * line before. Meant to stand behind tcpserver, so DIR may have no `/` in it: it is a folder, or a link to one, of where we stand.
 */
export const main: Program = async ({ args, cwd, stdout, stderr }) => {
  const [name = "", start = "", stop = "", ...more] = args;
  if (args.length < 3 || more.length > 0) give("usage: logselect dir start stop");
  if (name.includes("/") || name === "" || name.startsWith(".")) give("fatal: dir must not have '/' in it.");
  if (!label.test(start) || !label.test(stop)) give("fatal: start and stop must be TAI64N labels.");
  const folder = resolve(cwd, name);
  try {
    if (!statSync(folder).isDirectory()) give(`fatal: unable to switch to directory ${name}: not a directory`);
    for (const file of filesBetween(folder, start, stop)) {
      let piece: Buffer[] = [];
      let isWanted = false;
      let size = 0;
      let writing = Promise.resolve();
      const lf = Buffer.from("\n");
      const flush = (): void => {
        const bytes = Buffer.concat(piece);
        piece = [];
        size = 0;
        writing = writing.then(() => writeAll(stdout, bytes));
      };
      await readLogFile(
        join(folder, file),
        (bytes, from, to) => {
          const stamp = bytes.toString("latin1", from, Math.min(to, from + labelLength));
          if (label.test(stamp)) isWanted = stamp >= start && stamp < stop;
          if (!isWanted) return;
          piece.push(Buffer.from(bytes.subarray(from, to)), lf);
          size += to - from + 1;
        },
        () => {
          if (size > pieceBytes) flush();
        },
      );
      flush();
      await writing;
    }
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    stderr.write(`logselect: fatal: unable to read ${name}: ${errorText(error)}\n`);
    return trouble;
  }
};
