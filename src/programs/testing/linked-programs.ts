import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { multiCallPath } from "#process";

/** How a program ended and what it said. `code` is null when a signal ended it. */
export type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
};

/** A temporary folder, and programs of ours in it as links. */
export type LinkedPrograms = {
  readonly folder: string;
  /** The folder of the links. */
  readonly bin: string;
  /** A $PATH on which ours come first. */
  readonly path: string;
  run(words: readonly [string, ...string[]], input?: string, env?: NodeJS.ProcessEnv): Ended;
  /** The same with the original program of that name; null if it is not installed. */
  original(words: readonly [string, ...string[]], input?: string, env?: NodeJS.ProcessEnv): Ended | null;
};

const originals = "/usr/bin";

/** For tests of whole processes: links to these programs in a folder that is gone when the file's tests are over. */
export function linkedPrograms(names: readonly string[]): LinkedPrograms {
  const folder = mkdtempSync(join(tmpdir(), "quail-linked-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of names) symlinkSync(multiCallPath, join(bin, name));
  // Not our own $PATH: a folder in it that may not be entered changes what is said of a program that is nowhere.
  const plain = "/usr/bin:/bin:/usr/sbin:/sbin";
  const path = `${bin}:${plain}`;
  const go = (file: string, args: readonly string[], PATH: string, input: string, env: NodeJS.ProcessEnv): Ended => {
    const ended = spawnSync(file, args, {
      cwd: folder,
      env: { PATH, HOME: folder, ...env },
      input,
      encoding: "latin1",
    });
    return { code: ended.status, signal: ended.signal, out: ended.stdout, err: ended.stderr };
  };
  return {
    folder,
    bin,
    path,
    run: ([name, ...args], input = "", env = {}) => go(join(bin, name), args, path, input, env),
    original: ([name, ...args], input = "", env = {}) => {
      const file = join(originals, name);
      return existsSync(file) ? go(file, args, `${originals}:${plain}`, input, env) : null;
    },
  };
}
