import { closeSync, fstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { candidates, findExecutable, isPassedOver, worse } from "./find-executable.ts";
import { isSetHere, type Limits, limitThisProcess, prlimitOptions, tooTightForNode } from "./limits.ts";

/** The program that this process is to become. `path`: the $PATH it is looked for in. */
export type Successor = {
  readonly words: readonly [string, ...string[]];
  /** Its own name, if that is not the first word. */
  readonly name?: string;
  readonly env: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
  readonly path: string | undefined;
  readonly limits: Limits;
  /** Descriptors to be put under these numbers. */
  readonly placed?: ReadonlyMap<number, number>;
};

const accessMode = 0o3;
const standard = [0, 1, 2];

/** Which way an open descriptor goes (O_RDONLY, O_WRONLY, O_RDWR). */
function modeOf(fd: number): number {
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
  return Number.parseInt(flags, 8) & accessMode;
}

function nullDevice(): number {
  try {
    return statSync("/dev/null").rdev;
  } catch {
    return -1; // A bare chroot: nobody can have it open.
  }
}

/**
 * The descriptors from 3 up that came with this process. Node marks them all as its own at its start; its own are told by what they
 * are: pipes of which it has both ends, event descriptors, the null device.
 */
export function inheritedDescriptors(): readonly number[] {
  const nothing = nullDevice();
  const seen: { readonly fd: number; readonly pipe: string | null; readonly mode: number }[] = [];
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    try {
      const stat = fstatSync(fd);
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (fd < 3 || target.startsWith("anon_inode:") || (stat.isCharacterDevice() && stat.rdev === nothing)) continue;
      seen.push({ fd, pipe: target.startsWith("pipe:") ? target : null, mode: modeOf(fd) });
    } catch {
      // The descriptor of the listing itself: closed by now.
    }
  }
  const hasOtherEnd = (pipe: string, mode: number): boolean =>
    seen.some((one) => one.pipe === pipe && one.mode !== mode);
  return seen.filter(({ pipe, mode }) => pipe === null || !hasOtherEnd(pipe, mode)).map(({ fd }) => fd);
}

/** These limits, with the one on open files as it was before Node raised it (digits; undefined if nobody knows), unless it was set on purpose. */
export function givingBack(openFiles: string | undefined, limits: Limits): Limits {
  if (openFiles === undefined || !/^[0-9]+$/.test(openFiles) || limits.has("nofile") || isSetHere("nofile"))
    return limits;
  return new Map([["nofile", BigInt(openFiles)] as const, ...limits]);
}

function unrunnable(word: string, path: string | undefined, cwd: string): string | null {
  const found = findExecutable(word, path, cwd);
  return "code" in found ? found.code : null;
}

/**
 * This process becomes another program: execve(2), so the process number stays, and so do the descriptors that were given to it. Comes
 * back only with the code of why it could not be; null if this cannot be done here at all, and a child must do.
 */
export async function replaceProcess(next: Successor): Promise<string | null> {
  const { words, name, env, cwd, path, limits, placed = new Map() } = next;
  const { placeFd, processCalls } = await import("#files");
  const calls = processCalls();
  if (calls === null) return null;
  try {
    // Not needlessly: this user may not be able to go where the process stands.
    if (cwd !== process.cwd()) process.chdir(cwd);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EACCES";
  }
  for (const fd of [...standard, ...inheritedDescriptors()]) calls.keepOpen(fd);
  const through = throughPrlimit(words, path, cwd, limits);
  if ("code" in through) return through.code;
  const files = candidates(through.words[0], path, cwd);
  const [first, ...args] = through.words;
  calls.restoreSignals();
  const unlimited = await limitThisProcess(through.limits);
  if (unlimited !== null) return unlimited;
  const missing = placed.size === 0 ? null : unrunnable(words[0], path, cwd);
  if (missing !== null) return missing;
  // Node may have had a use for these numbers: from here on nothing else may happen.
  for (const [to, from] of placed) if (!placeFd(from, to)) return "EBADF";
  for (const from of new Set(placed.values())) closeSync(from);
  let code = "ENOENT";
  for (const file of files) {
    const said = calls.execve(file, [through.isHelped ? first : (name ?? first), ...args], env);
    if (!isPassedOver(said)) return said;
    code = worse(code, said);
  }
  return code;
}

const helperPath = "/usr/bin:/bin:/usr/local/bin";

/** What is executed, and which limits this process sets itself before. `isHelped`: prlimit(1) stands in front. */
type Through = { readonly words: Successor["words"]; readonly limits: Limits; readonly isHelped: boolean };

/**
 * Limits that Node itself would die of, between their setting and execve(2), are set by prlimit(1), which becomes the program in its turn. Where
 * it is not installed we set them and hurry, with a heap that has just been swept.
 */
function throughPrlimit(
  words: Successor["words"],
  path: string | undefined,
  cwd: string,
  limits: Limits,
): Through | { readonly code: string } {
  const tight = new Set(tooTightForNode(limits));
  if (tight.size === 0) return { words, limits, isHelped: false };
  const helper = findExecutable("prlimit", helperPath, "/");
  if ("code" in helper) {
    (globalThis as { readonly gc?: () => void }).gc?.();
    return { words, limits, isHelped: false };
  }
  const program = findExecutable(words[0], path, cwd);
  if ("code" in program) return program;
  const ofTight = new Map([...limits].filter(([resource]) => tight.has(resource)));
  const others = new Map([...limits].filter(([resource]) => !tight.has(resource)));
  return {
    words: [helper.path, ...prlimitOptions(ofTight), "--", program.path, ...words.slice(1)],
    limits: others,
    isHelped: true,
  };
}
