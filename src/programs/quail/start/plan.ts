/** Which services a house is made of: their order, options, rights and users. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSetting, readText } from "#control";
import { quietServiceMemoryEnv, serviceMemoryEnv, serviceNodeFlags } from "#process/memory";
import { firstHeldFd, type ServiceSpec } from "#supervise";
import { ownFolder } from "./lay-out.ts";
import { maxSmtpdCount, type PortName, type StartOptions } from "./options.ts";
import { type ConfinedService, permissionFlags } from "./permissions.ts";
import type { Roles } from "./roles.ts";
import type { Ids, Who } from "./who.ts";

/** The folder our code lies in. */
export const checkout: string = fileURLToPath(new URL("../../../..", import.meta.url)).replace(/\/$/, "");
const entry = join(checkout, "src", "services", "run.ts");

/** Deliveries under way may take this long to end before they are cut off (and done again at the next start). */
const stopWithinMs = { queue: 20_000, local: 25_000, other: 10_000 } as const;

/** Which stages there are, in starting order; they end in `stopOrder`. */
const stageOf = { queue: 0, couriers: 1, doors: 2 } as const;
/** First nothing new comes in, then the queue finishes what is under way with its couriers, then these go. */
export const stopOrder: readonly number[] = [stageOf.doors, stageOf.queue, stageOf.couriers];

/** What the plan depends on. */
export type PlanParts = {
  readonly home: string;
  readonly options: StartOptions;
  readonly who: Who;
  /** Listening sockets that had to be opened as root, by port. */
  readonly listenFds: ReadonlyMap<PortName, number>;
  /** The descriptor of the lock that services hold as long as they live. */
  readonly lockFd: number;
  readonly env: NodeJS.ProcessEnv;
  /** qmail-start's argument, in place of control/defaultdelivery. */
  readonly defaultDelivery?: string;
};

/** Processes that serve SMTP when nobody says how many: one is enough for two processors, which the queue needs too. */
export function usualSmtpdCount(processors: number = availableParallelism()): number {
  return processors > 2 ? Math.min(4, Math.ceil(processors / 2)) : 1;
}

/** As the command line says, else control/workers, else as fits the machine. */
function smtpdCount(home: string, options: StartOptions): number {
  const workers = readSetting(home, "workers");
  return options.smtpd ?? (workers > 0 ? Math.min(workers, maxSmtpdCount) : usualSmtpdCount());
}

/**
 * Whether control/tcp.smtp gives some clients' messages to a program (spec 2.3): then smtpd must be able to start it. What is
 * written there later counts from the next start; until then such a message gets 451.
 */
export function setsQueueProgram(home: string): boolean {
  return /^[^#].*QMAILQUEUE=/m.test(readText(home, "tcp.smtp") ?? "");
}

/** Whether control/senderchecks turns a check on: then messages from the network go by way of the filter. Counts from the next start. */
export function wantsFilter(home: string): boolean {
  return [...readSetting(home, "senderchecks").values()].some((word) => word.trim().toLowerCase() !== "off");
}

/** Whether control/dkimsign names keys: then there is a process that signs. Counts from the next start. */
export function wantsSigning(home: string): boolean {
  return (readSetting(home, "dkimsign") ?? []).length > 0;
}

/** `127.0.0.1:25`, `[::1]:25`. */
export function endpoint(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where one service keeps its compiled code: its own folder, so that none can lay code in wait for another. */
export const cacheFolder = (home: string, module: string): string => join(home, "run", "cache", module);

/** The options that open each port of a service. */
const smtpListeners = [
  ["smtp", "smtp:listen"],
  ["submission", "submission:listen"],
  ["smtps", "submission:tls-listen"],
] as const;
const pop3Listeners = [
  ["pop3", "listen"],
  ["pop3s", "tls-listen"],
] as const;

/** What services see of our environment; the rest of it is ours alone. */
const passedOn = ["PATH", "TZ", "LANG", "LC_ALL", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS"] as const;

/** Services that pass no mail. */
const quiet: ReadonlySet<string> = new Set(["local", "metrics"]);

function serviceEnv(env: NodeJS.ProcessEnv, home: string, module: string, cache: string): NodeJS.ProcessEnv {
  const passed = Object.fromEntries(passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const path = "/usr/local/bin:/usr/bin:/bin";
  const memory = quiet.has(module) ? quietServiceMemoryEnv : serviceMemoryEnv;
  return { PATH: path, ...passed, ...memory, QUAIL_HOME: home, NODE_COMPILE_CACHE: cache };
}

/** The stages of the house, for `startHouse`. */
export function planHouse(parts: PlanParts): readonly (readonly ServiceSpec[])[] {
  const { home, options } = parts;

  const service = (
    name: string,
    module: ConfinedService | "local",
    words: readonly string[],
    more: Partial<ServiceSpec> = {},
  ): ServiceSpec => {
    const cache = cacheFolder(home, module);
    const starts = module === "smtpd" && setsQueueProgram(home);
    const confined = module === "local" ? [] : permissionFlags(module, home, checkout, cache, starts);
    const user = parts.who.kind === "roles" ? idsOf(module, parts.who.roles) : null;
    return {
      ...(user === null ? {} : { user }),
      name,
      log: name,
      command: [process.execPath, ...serviceNodeFlags, ...confined, entry, module, ...words],
      cwd: home,
      env: serviceEnv(parts.env, home, module, cache),
      heldFds: [parts.lockFd],
      stopWithinMs: stopWithinMs.other,
      ...more,
    };
  };

  /** Between smtpd and the queue, when control/senderchecks asks for it. */
  const hasFilter = wantsFilter(home);

  /** The processes that serve SMTP, each on both ports: `smtpd`, `smtpd-2`... */
  const smtpd = (): readonly ServiceSpec[] => {
    const count = smtpdCount(home, options);
    const words = [`processes=${count}`, "reuse-port=1", ...(hasFilter ? ["filter=1"] : [])];
    const heldFds = [parts.lockFd];
    for (const [name, listen] of smtpListeners) {
      const number = options.ports[name];
      const listenFd = parts.listenFds.get(name);
      if (number === null) continue;
      // A socket inherited from root is shared as it is; else each process opens its own and the kernel deals clients out.
      if (listenFd === undefined) words.push(`${listen}=${endpoint(options.host, number)}`);
      else words.push(`${listen}-fd=${firstHeldFd + heldFds.push(listenFd) - 1}`);
    }
    if (smtpListeners.every(([name]) => options.ports[name] === null)) return [];
    return Array.from({ length: count }, (_, i) =>
      service(i === 0 ? "smtpd" : `smtpd-${i + 1}`, "smtpd", words, { log: "smtpd", heldFds }),
    );
  };

  const pop3d = (): readonly ServiceSpec[] => {
    const words: string[] = [];
    const heldFds = [parts.lockFd];
    for (const [name, listen] of pop3Listeners) {
      const number = options.ports[name];
      const listenFd = parts.listenFds.get(name);
      if (number === null) continue;
      if (listenFd === undefined) words.push(`${listen}=${endpoint(options.host, number)}`);
      else words.push(`${listen}-fd=${firstHeldFd + heldFds.push(listenFd) - 1}`);
    }
    return words.length === 0 ? [] : [service("pop3d", "pop3d", words, { heldFds })];
  };

  const metrics = (): readonly ServiceSpec[] => {
    const number = options.ports.metrics;
    return number === null ? [] : [service("metrics", "metrics", [`listen=127.0.0.1:${number}`])];
  };

  return [
    [service("queue", "queue", queueWords(parts), { stopWithinMs: stopWithinMs.queue })],
    [
      service("local", "local", localWords(parts), { stopWithinMs: stopWithinMs.local }),
      service("remote", "remote", remoteWords(parts)),
      ...(wantsSigning(home) ? [service("sign", "sign", signWords(parts))] : []),
      ...(hasFilter ? [service("filter", "filter", filterWords(parts))] : []),
    ],
    [...smtpd(), ...pop3d(), ...metrics()],
  ];
}

/**
 * What to compile before the house starts: every service, and the workers that are started on demand: they read what was compiled here.
 */
export function codeToWarm(parts: PlanParts, stages: readonly (readonly ServiceSpec[])[]): readonly ServiceSpec[] {
  const services = stages.flat();
  const local = services.find(({ name }) => name === "local");
  if (local === undefined) return services;
  // What `local` and `auth` start on demand.
  const workers = ["local-worker", "auth", "pop3-worker"].map((module): ServiceSpec => {
    const cache = cacheFolder(parts.home, module);
    return {
      ...local,
      command: [process.execPath, ...serviceNodeFlags, entry, module],
      env: serviceEnv(parts.env, parts.home, module, cache),
    };
  });
  return [...services, ...workers];
}

/** Who a service becomes where roles are apart; null: it stays root. */
function idsOf(module: ConfinedService | "local", roles: Roles): Ids | null {
  switch (module) {
    case "local":
      return null;
    case "smtpd":
    case "pop3d":
      return roles.smtpd;
    case "filter":
      return roles.filter ?? roles.smtpd;
    case "sign":
      return roles.sign ?? roles.queue;
    case "queue":
    case "remote":
    case "metrics":
      return roles[module];
  }
}

/** The queue hears who may speak for others, and where it may make the socket that `run/queue-admin` leads to. */
function queueWords({ who }: PlanParts): readonly string[] {
  if (who.kind !== "roles") return [];
  const { smtpd, filter } = who.roles;
  return [
    `role-uids=${[smtpd, filter ?? smtpd].map(({ uid }) => uid).join(",")}`,
    `admin=${ownFolder("queue")}/queue-admin`,
  ];
}

function remoteWords({ who }: PlanParts): readonly string[] {
  return who.kind === "roles" ? [`socket=${ownFolder("remote")}/remote`] : [];
}

function filterWords({ who }: PlanParts): readonly string[] {
  if (who.kind !== "roles") return [];
  return [`socket=${ownFolder("filter")}/filter`, `client-uid=${who.roles.smtpd.uid}`];
}

function signWords({ who }: PlanParts): readonly string[] {
  if (who.kind !== "roles") return [];
  return [`socket=${ownFolder("sign")}/sign`, `client-uid=${who.roles.remote.uid}`];
}

/** `local` may deliver as the one uid we have; as root it runs nobody's programs, unless it can become each user. */
function localWords(parts: PlanParts): readonly string[] {
  const words = localRights(parts.who);
  const { defaultDelivery } = parts;
  return defaultDelivery === undefined ? words : [...words, `default-delivery=${defaultDelivery}`];
}

function localRights(who: Who): readonly string[] {
  if (who.kind === "root") return ["single-uid=1", "allow-programs=0", "root=1"];
  if (who.kind !== "roles") return ["single-uid=1"];
  const { queue, smtpd } = who.roles;
  return [`queue-uid=${queue.uid}`, `pop3-uid=${smtpd.uid}`, `asker-uid=${smtpd.uid}`, `gid=${queue.gid}`];
}
