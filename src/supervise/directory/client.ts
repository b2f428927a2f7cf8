import { accessSync, closeSync, constants, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { errorCode, errorText } from "#files";
import { stateFolder } from "./state-folder.ts";
import { parseStatus, type StatusRecord } from "./status-record.ts";

/** Opening a FIFO for writing fails at once (ENXIO) when nobody reads it: that is how one asks whether a supervise is there. */
const knock = constants.O_WRONLY | constants.O_NONBLOCK;

/** A service directory as svc, svstat and svok see it. */
export type ServiceView = {
  /** As named by whoever asks. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Absolute, or from `path`: `supervise`. */
  readonly state: string;
};

/** `unable to WHAT: WHY`, as daemontools words it, and the system's code. */
export type Trouble = { readonly trouble: string; readonly code: string };

const because = (what: string, error: unknown): Trouble => ({
  trouble: `${what}: ${errorText(error)}`,
  code: errorCode(error),
});

/** The directory `name` from `cwd`; trouble when one cannot change to it. */
export function findService(cwd: string, name: string, env: NodeJS.ProcessEnv): ServiceView | Trouble {
  const path = resolve(cwd, name);
  try {
    if (!statSync(path).isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
    accessSync(path, constants.X_OK);
  } catch (error) {
    return because(`unable to chdir to ${name}`, error);
  }
  return { name, path, state: stateFolder(env, path) };
}

const inState = ({ path, state }: ServiceView, name: string): string => resolve(path, state, name);

/** Null when a supervise is at work on it; trouble of code ENXIO when none is. */
export function knockAt(service: ServiceView): Trouble | null {
  try {
    closeSync(openSync(inState(service, "ok"), knock));
    return null;
  } catch (error) {
    return because(`unable to open ${join(service.state, "ok")}`, error);
  }
}

/** Sends control bytes in one write, so that another's never come between. Null when they are on their way. */
export function sendCommands(service: ServiceView, bytes: string): Trouble | null {
  let fd: number;
  try {
    fd = openSync(inState(service, "control"), knock);
  } catch (error) {
    if (errorCode(error) === "ENXIO")
      return { trouble: `unable to control ${service.name}: supervise not running`, code: "ENXIO" };
    return because(`unable to control ${service.name}`, error);
  }
  try {
    writeSync(fd, bytes, null, "latin1");
    return null;
  } catch (error) {
    return because(`error writing commands to ${service.name}`, error);
  } finally {
    closeSync(fd);
  }
}

/** What a supervise says of its service. */
export type ServiceReport = {
  readonly records: readonly [StatusRecord, ...StatusRecord[]];
  /** No file `down`: it is started with its supervise. */
  readonly normallyUp: boolean;
};

/** Asks for a report; trouble when there is nobody to give one. */
export function readReport(service: ServiceView): ServiceReport | Trouble {
  let normallyUp: boolean;
  try {
    normallyUp = statSync(join(service.path, "down"), { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return because("unable to stat down", error);
  }
  const silent = knockAt(service);
  if (silent !== null) return silent.code === "ENXIO" ? { ...silent, trouble: "supervise not running" } : silent;
  const file = join(service.state, "status");
  let bytes: Buffer;
  try {
    bytes = readFileSync(inState(service, "status"));
  } catch (error) {
    return because(`unable to open ${file}`, error);
  }
  const records = parseStatus(bytes);
  return records === null ? { trouble: `unable to read ${file}: bad format`, code: "" } : { records, normallyUp };
}
