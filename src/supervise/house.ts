import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KeptService } from "./kept-service.ts";
import { LogFile } from "./log-file.ts";
import type { ServiceSpec } from "./service-spec.ts";

/** A service that is not ready by then will not be: its start is given up. */
const readyWithinMs = 60_000;

/** Services of one stage start together, once all of the stage before are ready. */
export type Stages = readonly (readonly ServiceSpec[])[];

/** What a house tells whoever runs it, for people. */
export type HouseEvents = {
  /** Whole lines of a service's log, as they come. */
  readonly lines: (log: string, lines: Buffer) => void;
  /** A sentence about the house itself. */
  readonly tell: (sentence: string) => void;
};

/** Thrown when a service ends or falls silent before it was ready the first time. */
export class StartFailure extends Error {
  readonly service: string;

  constructor(service: string, message: string) {
    super(message);
    this.service = service;
  }
}

/** Services at work, each kept running. */
export type House = {
  /** Ends all, one stage after the other; resolves when every process has gone and every log is closed. */
  stop(): Promise<void>;
  /** Ends the wait of `stop`: what is still there gets SIGKILL now. */
  hurryStop(): void;
  /** To every service that is at work, or to those whose name is given. */
  signal(signal: NodeJS.Signals, names?: readonly string[]): void;
};

/** The reason in a service's last words: what stands after `cannot start: `, else its last line without the stamp. */
export function lastReason(words: string): string | null {
  const lines = words.split("\n").filter((line) => line !== "");
  const said = lines.findLast((line) => line.includes(": cannot start: ")) ?? lines.at(-1);
  return said?.replace(/^@[0-9a-f]{24} /, "").replace(/^alert: (?:\S+: )?cannot start: /, "") ?? null;
}

/** How much of a starting service's words is kept to find the reason in, if it fails. */
const keptWordsChars = 4096;

/**
 * Starts a house: stage after stage, each service in a process of its own, logs under `log/<service>/` of `home`, process
 * numbers in `run/services` (`NAME PID` lines). Resolves when all are ready. If one fails before that the others are ended and
 * a `StartFailure` is thrown; so it is when `signal` is aborted before all are. `stopOrder` is the order in which stages end.
 */
export async function startHouse(
  home: string,
  stages: Stages,
  stopOrder: readonly number[],
  events: HouseEvents,
  signal: AbortSignal = new AbortController().signal,
): Promise<House> {
  const logs = new Map<string, LogFile>();
  const services: KeptService[][] = [];
  const pidFile = join(home, "run", "services");
  let up = false;
  let hurried = false;

  const logOf = (name: string): LogFile => {
    const log = logs.get(name) ?? new LogFile(join(home, "log", name), events.tell);
    logs.set(name, log);
    return log;
  };

  const notePids = (): void => {
    const lines = services.flat().map(({ spec, pid }) => (pid === null ? "" : `${spec.name} ${pid}\n`));
    try {
      writeFileSync(pidFile, lines.join(""));
    } catch {
      // A full disk: the file is for people and tests, mail goes on.
    }
  };

  /** Starts one service; resolves when it is ready for the first time, rejects when it ends or takes too long before that. */
  const begin = (spec: ServiceSpec): { readonly service: KeptService; readonly ready: Promise<void> } => {
    const log = logOf(spec.log);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let words = "";
    const late = setTimeout(() => {
      reject(new StartFailure(spec.name, `${spec.name} is not ready after ${readyWithinMs / 1000} seconds`));
    }, readyWithinMs).unref();
    const service = new KeptService(spec, {
      lines: (lines) => {
        log.append(lines);
        events.lines(spec.log, lines);
        if (!up) words = (words + lines.toString("latin1")).slice(-keptWordsChars);
      },
      ready: () => {
        clearTimeout(late);
        notePids();
        if (up) events.tell(`${spec.name} is at work again`);
        resolve();
      },
      died: (reason) => {
        clearTimeout(late);
        if (up) events.tell(`${spec.name} ended (${reason}); it is started again`);
        else reject(new StartFailure(spec.name, `${spec.name} cannot start: ${lastReason(words) ?? reason}`));
      },
      rests: (reason) => {
        clearTimeout(late);
        notePids();
        events.tell(`${spec.name} ended (${reason}); it stays down, as it was told`);
        resolve();
      },
      warn: events.tell,
    });
    // Heard above all by whoever waits for `ready`.
    const begun = service.sitDown().then(
      () => {
        if (service.isWanted) return service.start();
        clearTimeout(late);
        events.tell(`${spec.name} is down, as ${spec.directory}/down says`);
        resolve();
      },
      (error: Error) => {
        clearTimeout(late);
        reject(new StartFailure(spec.name, `${spec.name} cannot start: ${error.message}`));
      },
    );
    begun.catch(reject);
    return { service, ready: promise };
  };

  const stop = async (): Promise<void> => {
    for (const stage of stopOrder) {
      await Promise.all((services[stage] ?? []).map((service) => (hurried ? service.stop(0) : service.stop())));
    }
    await Promise.all([...logs.values()].map((log) => log.close()));
    rmSync(pidFile, { force: true });
  };

  const house: House = {
    stop,
    hurryStop() {
      hurried = true;
      for (const service of services.flat()) service.kill();
    },
    signal(signal, names) {
      for (const service of services.flat()) {
        if (names === undefined || names.includes(service.spec.name)) service.signal(signal);
      }
    },
  };

  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new StartFailure("", "stopped before everything was ready")));
  });
  aborted.catch(() => {}); // Heard below while it matters; later nobody waits for it.
  try {
    for (const stage of stages) {
      const begun = stage.map(begin);
      services.push(begun.map(({ service }) => service));
      await Promise.race([Promise.all(begun.map(({ ready }) => ready)), aborted]);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  up = true;
  notePids();
  return house;
}
