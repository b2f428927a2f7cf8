/**
 * `service/` of a home: a service directory for each of Quail's own services, as svscan's are (docs/decisions/supervising.md), and
 * whatever directories the admin adds.
 */

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "#files";
import type { ServiceSpec, Stages, Substitute } from "#supervise";
import type { Supervision } from "#supervise/classic";
import { step } from "./start-error.ts";

/** Where a service directory lies. */
export const serviceDirectory = (home: string, name: string): string => join(home, "service", name);

const plainWord = /^[A-Za-z0-9_./:@%+,=-]+$/;
const quoted = (word: string): string => (plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const sumLine = /^# sum=([0-9a-f]{16})\n/m;

/**
 * A sum of everything but the line that names it: FNV-1a of 64 bits. It tells an edit, not an enemy (who may write here may do as he likes),
 * and the supervisor does without the 0.8 MB of Node's cryptography.
 */
function sumOf(text: string): string {
  let sum = 0xcbf29ce484222325n;
  for (const octet of Buffer.from(text.replace(sumLine, ""))) {
    sum = BigInt.asUintN(64, (sum ^ BigInt(octet)) * 0x100000001b3n);
  }
  return sum.toString(16).padStart(16, "0");
}

/** A `run` that does what `quail start` does for this service. */
export function runText({ name, command, cwd, user }: ServiceSpec): string {
  const text = `#!/bin/sh
# ${name}, as quail start runs it${user === undefined ? "" : ` (uid ${user.uid}, group ${user.gid})`}. As long as nobody edits this file it is made anew at each start.
# An edited one is run in place of what stands here: with the same environment, uid and descriptors, and words that belong
# to them, which reach the service as "$@". quail restart, or svc -t, makes a change count.
cd ${quoted(cwd)} || exit 111
exec ${command.map(quoted).join(" ")} "$@"
`;
  return text.replace("\n", `\n# sum=${sumOf(text)}\n`);
}

/** What a power cut may leave of a file that was just written: nothing, or as many NULs. */
const isBlank = (text: string): boolean => /^[\0\s]*$/.test(text);

/** True if this is no `run` of ours any more. One with nothing in it says nothing of an admin's will. */
export function isEdited(text: string): boolean {
  return !isBlank(text) && sumLine.exec(text)?.[1] !== sumOf(text);
}

/** The edited `run` of a service directory, to be run in place of the service; null while it is ours, or gone. */
export function editedRun(directory: string): Substitute | null {
  let text: string;
  try {
    text = readFileSync(join(directory, "run"), "latin1");
  } catch {
    return null; // Removed: then the service is as it always was.
  }
  if (!isEdited(text)) return null;
  return { command: ["./run"], cwd: directory, saysReady: text.includes('"$@"') };
}

function writeRun(directory: string, spec: ServiceSpec): void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "run");
  const text = runText(spec);
  const found = existsSync(path) ? readFileSync(path, "latin1") : "";
  if (isEdited(found)) return;
  if (found !== text) writeFileSync(path, text); // Not at each start: every time it could be lost anew.
  chmodSync(path, 0o755);
  chmodSync(directory, 0o755); // Whatever our umask is.
}

/** Gives each service its directory: writes `run` where nobody has edited it, and points the plan at it. */
export async function layServiceDirectories(home: string, stages: Stages): Promise<Stages> {
  return step(`write to ${home}/service`, () => {
    const folder = join(home, "service");
    mkdirSync(folder, { recursive: true });
    return stages.map((stage) =>
      stage.map((spec) => {
        const directory = serviceDirectory(home, spec.name);
        writeRun(directory, spec);
        return { ...spec, directory, instead: () => editedRun(directory) };
      }),
    );
  });
}

/** How often is looked for directories of the admin's, in milliseconds: svscan's five seconds. */
const lookEveryMs = 5_000;

/** The admin's services have this long to end before they are killed. */
const stopWithinMs = 20_000;

/** Services in `service/` that are none of ours, at work. */
export type ForeignServices = {
  /** Ends them all, each before its log; resolves when they have gone. */
  stop(): Promise<void>;
  /** Ends the wait of `stop`: SIGKILL to what is left. */
  hurryStop(): void;
};

/** True for a directory of a service that this start does not have (`--port metrics=off`): nobody else's for that. */
function isOurs(directory: string): boolean {
  try {
    return sumLine.test(readFileSync(join(directory, "run"), "latin1"));
  } catch {
    return false;
  }
}

/**
 * Supervises what the admin adds to `service/`, as svscan would. The code for that is loaded when there is something to supervise, not
 * before. `tell` is for people.
 */
export function keepForeignServices(
  home: string,
  own: ReadonlySet<string>,
  env: NodeJS.ProcessEnv,
  tell: (sentence: string) => void,
): ForeignServices {
  const directory = join(home, "service");
  let started: Promise<Supervision | null> = Promise.resolve(null);
  const except = (name: string): boolean => name.startsWith(".") || own.has(name) || isOurs(join(directory, name));
  const begin = async (): Promise<Supervision | null> => {
    try {
      const { superviseMany } = await import("#supervise/classic");
      return await superviseMany({ directory, except, env, stdin: "ignore", stdout: 1, stderr: 2, say: tell });
    } catch (error) {
      tell(`services in ${directory} are not looked after: ${errorText(error)}`);
      return null;
    }
  };
  const look = (): void => {
    try {
      if (readdirSync(directory).every(except)) return;
    } catch {
      return; // Removed, or out of descriptors: it is looked again.
    }
    clearInterval(timer);
    started = begin();
  };
  const timer = setInterval(look, lookEveryMs);
  look();
  const hurryStop = (): void => void started.then((running) => running?.command("+k"));
  return {
    hurryStop,
    async stop() {
      clearInterval(timer);
      const late = setTimeout(hurryStop, stopWithinMs);
      await (await started)?.stop();
      clearTimeout(late);
    },
  };
}
