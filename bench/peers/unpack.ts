/**
 * Debian packages that conflict with each other (one mail server per machine) beside each other: fetched with what they miss,
 * unpacked into a folder of the system's cache, never installed. Nothing of the system changes, no service starts.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getuid } from "node:process";

/** Root's own: nobody else can lay a program in wait there. */
const cacheFolder = "/var/cache/quail-bench";
const aptLimitMs = 180_000;

/** A package and what it needs, as a tree with `usr` and `etc`. */
export type Unpacked = { readonly root: string; readonly version: string };

/** `Inst dovecot-pop3d (1:2.3.19 Debian:12 [amd64])` of a simulated install: what would come in, and which version. */
export function plannedPackages(simulation: string): readonly { readonly name: string; readonly version: string }[] {
  return [...simulation.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+)/gm)].map(([, name = "", version = ""]) => ({
    name,
    version,
  }));
}

function run(words: readonly [string, ...string[]], cwd?: string): string {
  const [command, ...args] = words;
  return execFileSync(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: aptLimitMs,
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  });
}

function simulate(name: string): string {
  const words = ["apt-get", "--simulate", "--no-install-recommends", "install", name] as const;
  try {
    return run(words);
  } catch {
    run(["apt-get", "-q", "update"]); // A fresh machine knows no packages yet.
    return run(words);
  }
}

function fetchAndUnpack(name: string, root: string): string {
  const packages = plannedPackages(simulate(name));
  const version = packages.find((one) => one.name === name)?.version ?? "installed";
  const unfinished = `${root}.${process.pid}`;
  for (const folder of ["usr", "etc", "debs"]) mkdirSync(join(unfinished, folder), { recursive: true });
  if (packages.length > 0) {
    const debs = join(unfinished, "debs");
    run(["apt-get", "-q", "download", ...packages.map((one) => one.name)], debs);
    for (const deb of readdirSync(debs)) run(["dpkg", "-x", join(debs, deb), unfinished]);
    rmSync(debs, { recursive: true });
  }
  writeFileSync(join(unfinished, "version"), version);
  rmSync(root, { recursive: true, force: true });
  renameSync(unfinished, root);
  return version;
}

/** The package, from the cache or freshly fetched; a sentence if that cannot be. */
export function unpack(name: string): Unpacked | string {
  if (getuid?.() !== 0) return "only root can run it from an unpacked package (a private mount namespace)";
  const root = join(cacheFolder, name);
  try {
    run(["unshare", "--mount", "--pid", "--fork", "true"]);
    if (existsSync(join(root, "version"))) return { root, version: readFileSync(join(root, "version"), "utf8") };
    mkdirSync(cacheFolder, { recursive: true, mode: 0o755 });
    return { root, version: fetchAndUnpack(name, root) };
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1);
    return `Debian's ${name} could not be fetched and unpacked: ${said ?? (error as Error).message}`;
  }
}
