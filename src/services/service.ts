/** What a service is started with. `home` is also its working directory. */
export type ServiceStart = {
  readonly home: string;
  /** `key=value` words after the service's name: `listen=127.0.0.1:2525`. */
  readonly options: ReadonlyMap<string, string>;
  /** One line, without stamp and LF; stamped and gathered by the entry. */
  readonly log: (line: string) => void;
};

/** A service at work. */
export type RunningService = {
  /** Stops taking new work, finishes what is under way, resolves when the process may end (SIGTERM, SIGINT). */
  readonly close: () => Promise<void>;
  /** SIGHUP: read again what HUP re-reads. */
  readonly reload?: () => void;
  /** SIGALRM: everything is due now (qmail-send). */
  readonly hurry?: () => void;
};

/** Starts a service; resolves when it is ready for work, throws with one clear sentence when it cannot start. */
export type Service = (start: ServiceStart) => Promise<RunningService>;
