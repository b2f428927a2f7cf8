import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Program, ProgramCall } from "#process";
import { openPipe } from "#supervise/directory";
import { scanUntilTold } from "./svscan.ts";
import { TitleWindow } from "./title-window.ts";

/** Where programs are found, and all the environment there is (spec 4). */
const path = "/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin";
/** How much of the services' complaints ps shows, as the original has it. */
const windowBytes = 400;
const label = ["readproctitle", "service", "errors:"] as const;

/** `/service`, or Debian's place for the same. */
const usualDirectory = (): string =>
  !existsSync("/service") && existsSync("/etc/service") ? "/etc/service" : "/service";

/** Starts this process anew with room for the window behind its name, and without the environment. */
function makeRoom(directory: string): void {
  const words = [...process.argv.slice(0, 2), "svscanboot", directory, ...label, ".".repeat(windowBytes)];
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...words.slice(1)], { PATH: path });
}

/** Ends whatever an earlier svscan left at work: `svc -dx` to each service and log. */
async function clear({ exec }: ProgramCall, directory: string): Promise<void> {
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => !name.startsWith(".")) : [];
  const services = names.map((name) => join(directory, name));
  const logs = services.map((service) => join(service, "log")).filter((log) => existsSync(log));
  const supervised = [...services, ...logs].filter((one) => existsSync(join(one, "supervise/control")));
  if (supervised.length > 0) await exec(["svc", "-dx", ...supervised]);
}

/**
 * `svscanboot [DIR]`: svscan for the start of a machine. Its complaints, and its services', show in its own name in the list of processes:
 * svscan and readproctitle are one process here.
 */
export const main: Program = async (call) => {
  const [named, ...more] = call.args;
  const directory = resolve(call.cwd, named ?? usualDirectory());
  const isOwn = call.become !== null;
  if (more.length === 0 && isOwn) makeRoom(directory);
  await clear(call, directory);
  const window = new TitleWindow(windowBytes);
  const take = (bytes: Buffer): void => {
    window.take(bytes);
    if (isOwn) process.title = `svscanboot ${directory} ${label.join(" ")} ${window.text}`;
  };
  const scratch = mkdtempSync(join(tmpdir(), "svscanboot-"));
  const { readFd, writeFd } = openPipe(join(scratch, "errors"));
  rmSync(scratch, { recursive: true });
  const errors = new Socket({ fd: readFd, readable: true, writable: false });
  errors.on("error", () => {}); // Nobody is left to tell.
  errors.on("data", take);
  const say = (line: string): void => take(Buffer.from(`${line}\n`));
  const env = { PATH: path };
  const code = await scanUntilTold({ directory, env, stdin: "ignore", stdout: writeFd, stderr: writeFd, say });
  errors.destroy();
  return code;
};
