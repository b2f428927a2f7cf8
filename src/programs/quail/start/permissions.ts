/**
 * What Node itself forbids a service (its permission model, beside the uid): what a break-in into the code that reads the
 * network cannot do. Unix and TCP sockets are not restricted by it.
 */
import { join } from "node:path";
import { tlsControlFiles } from "#tls";

/** Services whose rights are cut; the others need what they have (local starts processes under other uids). */
export type ConfinedService = "queue" | "remote" | "filter" | "sign" | "smtpd" | "pop3d" | "metrics";

/** Folders outside the home that Node or a resolver reads. */
const systemFolders = ["/etc", "/usr/share/zoneinfo", "/usr/lib/ssl", "/proc"] as const;

type Rights = {
  /** What of the home may be read, and written: folders with all below them, or single names. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Native code (flock, peer credentials). */
  readonly addons: boolean;
};

/** The control files the POP3 listener reads. */
const pop3dControls = [
  "me",
  "authmechanisms",
  "popplaintext",
  "popapop",
  "concurrencypop3",
  "concurrencyperhost",
  "tlsonly",
  "certs",
  ...tlsControlFiles,
] as const;

/** None of them may start a worker thread or an inspector, and none a process, but for smtpd where it has to. */
const rights: Readonly<Record<ConfinedService, Rights>> = {
  queue: { reads: [""], writes: ["queue", "run"], addons: true },
  remote: {
    reads: ["control", "run/remote", "run/own/remote"],
    writes: ["run/remote", "run/own/remote"],
    addons: false,
  },
  // Its own folder for messages that wait; native code tells who knocks.
  filter: {
    reads: ["control", "run/filter", "run/own/filter"],
    writes: ["run/filter", "run/own/filter"],
    addons: true,
  },
  sign: {
    reads: ["control", "dkim", "run/sign", "run/own/sign"],
    writes: ["run/sign", "run/own/sign"],
    addons: true,
  },
  smtpd: { reads: ["control", "run/tls"], writes: [], addons: false },
  // Not all of control/: the passwords' hashes lie there.
  pop3d: { reads: [...pop3dControls.map((name) => `control/${name}`), "run/tls"], writes: [], addons: false },
  metrics: { reads: ["control", "log"], writes: [], addons: false },
};

/**
 * Node's options for a confined service. `cache` is where its compiled code is kept. All folders must exist: only then does
 * Node take a name for everything below it. `startsPrograms`: it may start processes.
 */
export function permissionFlags(
  service: ConfinedService,
  home: string,
  checkout: string,
  cache: string,
  startsPrograms = false,
): readonly string[] {
  const { reads, writes, addons } = rights[service];
  const ofHome = (names: readonly string[]): readonly string[] => names.map((name) => join(home, name));
  return [
    "--permission",
    ...[checkout, ...systemFolders, ...ofHome(reads), cache].map((path) => `--allow-fs-read=${path}`),
    ...[...ofHome(writes), cache].map((path) => `--allow-fs-write=${path}`),
    ...(addons ? ["--allow-addons"] : []),
    ...(startsPrograms ? ["--allow-child-process"] : []),
  ];
}
