/**
 * What systemd expects of a service that it starts: word that it is ready and alive (sd_notify(3), Type=notify, WatchdogSec=), and the
 * sockets it may have opened for it (sd_listen_fds(3)). Without systemd nothing of this happens.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { memoryVariables } from "#process/memory";
import { type PortName, portNames } from "./options.ts";
import { StartError } from "./start-error.ts";

/** Word to systemd that takes longer is given up: the house matters more. */
const tellWithinMs = 10_000;
/** The first socket that systemd hands over. */
const firstListenFd = 3;
const maxListenFds = 64;

/** Variables that are for us alone: a service of the admin's is not what systemd speaks to. */
const ours = [
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  ...memoryVariables, // Of bin/quail.
] as const;

/** The environment without them. */
export function withoutSystemd(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const passedOn = { ...env };
  for (const name of ours) delete passedOn[name];
  return passedOn;
}

/** Tells systemd how things are; each method resolves when it has been told, or cannot be. */
export type Notifier = {
  readonly ready: (status: string) => Promise<void>;
  readonly stopping: () => Promise<void>;
};

/** Starts a program and waits until it has ended; false if there is no such program. */
function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((done) => {
    const child: ChildProcess = spawn(file, args, { env, stdio: "ignore", timeout: tellWithinMs });
    child.once("error", (error: NodeJS.ErrnoException) => done(error.code !== "ENOENT"));
    child.once("exit", () => done(true));
  });
}

const sender = fileURLToPath(new URL("./send-datagram.ts", import.meta.url));

/**
 * Sends `NAME=value` lines. Node knows no datagrams between processes, and the library that does would stay in the supervisor's memory
 * (8 MB), so systemd's own command speaks for us (which needs NotifyAccess=all); without it, a Node of a moment.
 */
async function send(socket: string, lines: readonly string[], path: string | undefined): Promise<void> {
  const env = { PATH: path ?? "/usr/bin:/bin", NOTIFY_SOCKET: socket };
  if (await run("systemd-notify", lines, env)) return;
  await run(process.execPath, [sender, socket, lines.join("\n")], env);
}

/** Half of the time after which systemd takes us for dead, in milliseconds; null if it does not watch us. */
export function beatEveryMs(env: NodeJS.ProcessEnv, pid: number): number | null {
  const usec = Number(env.WATCHDOG_USEC);
  const isForUs = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === `${pid}`;
  return isForUs && Number.isSafeInteger(usec) && usec > 0 ? usec / 2_000 : null;
}

/** Speaks to the systemd that started us; says nothing to anybody if none did. Beats from `ready` to `stopping`. */
export function notifier(env: NodeJS.ProcessEnv, pid: number): Notifier {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === "") return { ready: async () => {}, stopping: async () => {} };
  const everyMs = beatEveryMs(env, pid);
  const tell = (...lines: readonly string[]): Promise<void> => send(socket, lines, env.PATH);
  let beating: NodeJS.Timeout | null = null;
  return {
    async ready(status) {
      if (everyMs !== null) beating = setInterval(() => void tell("WATCHDOG=1"), everyMs).unref();
      await tell("READY=1", `STATUS=${status}`, `MAINPID=${pid}`);
    },
    async stopping() {
      if (beating !== null) clearInterval(beating);
      // What it takes to end in order is ours to say; the watchdog would not wait.
      await tell("STOPPING=1", "WATCHDOG=1");
    },
  };
}

/** Names under which sockets may be handed over: each listener's, or `quail-` and it, as the units of `quail setup systemd` are called. */
const listeners: ReadonlyMap<string, PortName> = new Map(
  portNames
    .filter((name) => name !== "metrics") // Loopback only, and above 1024: nobody has to open it for us.
    .flatMap((name) => [
      [name, name],
      [`quail-${name}.socket`, name],
    ]),
);

/** Listening sockets that systemd opened for us, by listener. Throws StartError for one we have no use for. */
export function handedSockets(env: NodeJS.ProcessEnv, pid: number): ReadonlyMap<PortName, number> {
  if (env.LISTEN_PID !== `${pid}` || !/^[0-9]{1,2}$/.test(env.LISTEN_FDS ?? "")) return new Map();
  const count = Math.min(Number(env.LISTEN_FDS), maxListenFds);
  const names = (env.LISTEN_FDNAMES ?? "").split(":");
  return new Map(
    Array.from({ length: count }, (_, at) => {
      const listener = listeners.get(names[at] ?? "");
      if (listener !== undefined) return [listener, firstListenFd + at] as const;
      const known = [...new Set(listeners.values())].join(", ");
      throw new StartError(
        `systemd hands over a socket named "${names[at] ?? ""}"; its unit must say FileDescriptorName= and one of ${known}`,
      );
    }),
  );
}
