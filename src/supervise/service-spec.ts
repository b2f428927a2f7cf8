/** The number of the first of a service's `heldFds` in its process; what stands before is in use (see `command`). */
export const firstHeldFd = 6;

/** One service to keep running: what to start, as whom, and where its lines go. */
export type ServiceSpec = {
  /** Unique among the services of one house: `smtpd`, `smtpd-2`. */
  readonly name: string;
  /** Folder of its log under `log/`; services of one role share one. */
  readonly log: string;
  /** Program and arguments. `ready-fd=3 parent-fd=4` (and `listen-fd=5` with `listener`) are added at the end. */
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Who it runs as; left out: as the supervisor itself. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** A listening socket to inherit, as descriptor 5. */
  readonly listenFd?: number;
  /** Further descriptors that it inherits, from `firstHeldFd`: a lock it only holds open, sockets that its words name. */
  readonly heldFds?: readonly number[];
  /** Its service directory (absolute): where svc and svstat find it, and where a file `down` keeps it from being started. */
  readonly directory?: string;
  /** Asked before each start: what to run in place of `command`, from where; null: `command`. */
  readonly instead?: () => Substitute | null;
  /** Between SIGTERM and SIGKILL. */
  readonly stopWithinMs: number;
};

/** What an admin runs in place of a service. It gets the same words, descriptors, environment and uid. */
export type Substitute = {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** False: it takes no words, so it will never say that it is ready, and is taken to be. */
  readonly saysReady: boolean;
};
