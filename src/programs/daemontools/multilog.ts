import { closeSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { errorText } from "#files";
import { FolderTrouble, LineWork, LogFolder, parseScript, pauseMs, type Script, statusBytes } from "#log/multilog";
import { type Program, type ProgramCall, UsageError } from "#process";
import { bell, readLog } from "./log-input.ts";

const fatal = (text: string): UsageError => new UsageError(`multilog: fatal: ${text}`, 111);

/**
 * `multilog SCRIPT ...`: reads lines from standard input and puts those that the script selects into rotated logs (spec:
 * daemontools 5). TERM: ends behind the line it is within; ALRM: begins new files.
 */
export const main: Program = async (call) => {
  const script = parseScript(call.args);
  const wake = bell();
  let rotation = false;
  const alarm = (): void => {
    rotation = true;
    wake.ring();
  };
  listen(call, alarm, wake.ring);

  const files = openStatusFiles(script, call.cwd);
  const folders = openFolders(script, call);
  const work = new LineWork(script, {
    folder: (index, bytes) => folders[index]!.write(bytes),
    stderr: (bytes) => {
      call.stderr.write(bytes);
    },
    status: async (file, line) => steadyStatus(call, file, files.get(file)!, statusBytes(line)),
  });
  const taker = {
    take: (chunk: Buffer) => work.take(chunk),
    async rotate() {
      for (const folder of folders) if (folder.size > 0) await folder.rotate();
    },
    isWithinLine: () => work.isWithinLine,
  };
  const takeRotation = (): boolean => {
    const wished = rotation;
    rotation = false;
    return wished;
  };
  await readLog(call.stdin, taker, { isStopping: () => call.signal.aborted, takeRotation }, wake);
  await work.end();
  for (const folder of folders) await folder.close();
  for (const fd of files.values()) closeSync(fd);
  return 0;
};

/** Hears the wishes that come as signals. In a process of its own a second TERM says nothing new. */
function listen({ signal, become }: ProgramCall, alarm: () => void, stop: () => void): void {
  signal.addEventListener("abort", stop, { once: true });
  if (become === null) return;
  process.on("SIGALRM", alarm);
  process.on("SIGTERM", () => {});
}

/** The files of `=FILE`, emptied. */
function openStatusFiles({ steps }: Script, cwd: string): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  for (const step of steps) {
    if (step.kind !== "status" || files.has(step.file)) continue;
    try {
      files.set(step.file, openSync(resolve(cwd, step.file), "w", 0o644));
    } catch (error) {
      throw fatal(`unable to create ${step.file}: ${errorText(error)}`);
    }
  }
  return files;
}

function openFolders({ folders }: Script, { cwd, stderr }: ProgramCall): readonly LogFolder[] {
  const doors = {
    warn: (sentence: string) => {
      stderr.write(`multilog: warning: ${sentence}\n`);
    },
    pause,
  };
  try {
    return folders.map(({ path, rules }) => new LogFolder(resolve(cwd, path), path, rules, doors));
  } catch (error) {
    throw error instanceof FolderTrouble ? fatal(error.message) : error;
  }
}

function pause(): Promise<void> {
  return new Promise((wake) => setTimeout(wake, pauseMs));
}

/** Writes a status file, as often as it takes. */
async function steadyStatus({ stderr }: ProgramCall, file: string, fd: number, bytes: Buffer): Promise<void> {
  for (;;) {
    try {
      writeSync(fd, bytes, 0, bytes.length, 0);
      return;
    } catch (error) {
      stderr.write(`multilog: warning: unable to write to ${file}, pausing: ${errorText(error)}\n`);
      await pause();
    }
  }
}
