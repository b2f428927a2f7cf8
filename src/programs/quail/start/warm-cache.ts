/**
 * Compiled code, kept per service under `run/cache/`. Without it a service loads the TypeScript stripper, which costs 18 MB and
 * 50 ms for as long as it lives; so after a change of our code the services' code is compiled once before they start.
 */
import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceSpec } from "#supervise";

/** Changes whenever a file of ours does, or the Node that compiles it. */
function codeVersion(source: string): string {
  let newest = 0;
  let files = 0;
  for (const name of readdirSync(source, { recursive: true }) as string[]) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
    newest = Math.max(newest, statSync(join(source, name)).mtimeMs);
    files++;
  }
  return `${process.version} ${files} ${newest}\n`;
}

/** Loads one service's code and ends. How it ends does not matter: the start proper says what is wrong. */
function warm({ command, cwd, env, user }: ServiceSpec): Promise<void> {
  const [file, ...args] = command;
  return new Promise((done) => {
    const child = spawn(file, [...args, "warm=1"], { cwd, env, stdio: "ignore", ...user });
    child.once("error", () => done());
    child.once("exit", () => done());
  });
}

/** Compiles what is new, one process per kind of service, all at once. */
export async function warmCaches(home: string, source: string, services: readonly ServiceSpec[]): Promise<void> {
  const stamp = join(home, "run", "cache", "version");
  const version = codeVersion(source);
  try {
    if (readFileSync(stamp, "latin1") === version) return;
  } catch {
    // Never warmed.
  }
  const kinds = new Map(services.map((spec) => [spec.env.NODE_COMPILE_CACHE!, spec]));
  for (const [cache, { user }] of kinds) {
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true, mode: 0o755 });
    chmodSync(cache, 0o755); // Whatever our umask is.
    if (user !== undefined) chownSync(cache, user.uid, user.gid);
  }
  await Promise.all([...kinds.values()].map(warm));
  writeFileSync(stamp, version);
}
