import type { Words } from "./processes.ts";

/** What a server under test needs for one run. */
export type Bed = {
  /** An empty folder of its own on the disk under test. */
  readonly folder: string;
  /** Where mail for `outAddress` is to be relayed: an SMTP sink on this loopback port. */
  readonly sinkPort: number;
  /** Words put in front of the server's own command (strace); usually none. */
  readonly wrapper: readonly string[];
};

/** A server at work, with an empty queue. */
export type Server = {
  /** Root of its process tree: everything it costs is this process and those below it. */
  readonly pid: number;
  readonly port: number;
  readonly inAddress: string;
  /** Where mail to `inAddress` arrives, one file each. */
  readonly newFolder: string;
  readonly outAddress: string;
  stop(): Promise<void>;
};

/** A kind of server that can be started afresh for every run. */
export type Contender = {
  readonly name: "Quail" | "Postfix";
  readonly version: string;
  readonly start: (bed: Bed) => Promise<Server>;
};

/** The wrapper's words, then the command's. */
export function wrapped(wrapper: readonly string[], words: Words): Words {
  const [first, ...rest] = wrapper;
  return first === undefined ? words : [first, ...rest, ...words];
}
