import type { Words } from "../tools/processes.ts";

/** What a server under test needs for one run. */
export type Bed = {
  /** An empty folder of its own on the disk under test. */
  readonly folder: string;
  /** Mail for these domains is relayed by a fixed route, without DNS, to these loopback ports. */
  readonly relays: Readonly<Record<string, number>>;
  /** Deliveries that may run at once to one domain; 100 unless given, which is no limit for these loads. */
  readonly perDestination?: number;
  /** POP3 too, where a server has it; off unless given. */
  readonly pop3?: true;
  /** A PEM file with a certificate and its key, to offer STARTTLS with; off unless given. */
  readonly tls?: string;
  /** Words put in front of the server's own command (strace); usually none. */
  readonly wrapper: readonly string[];
};

/** Mail for this address is relayed to the sink that a stage starts for its server. */
export const outAddress = "you@out.test";

/** A command as a user would type it. */
export type Command = { readonly words: Words; readonly env: Readonly<Record<string, string>> };

/** A server at work, with an empty queue. */
export type Server = {
  /** Root of its process tree: everything it costs is this process and those below it. */
  readonly pid: number;
  readonly port: number;
  readonly inAddress: string;
  /** There if POP3 was asked for and the server has it. */
  readonly pop3Port?: number;
  /** Where mail to `inAddress` arrives, one file each; null: nowhere, it is discarded. */
  readonly newFolder: string | null;
  /** Makes all deferred mail due now. */
  readonly flush?: Command;
  /** The `sendmail` that injects into this server; recipients are appended, the message is its stdin. */
  readonly sendmail?: Command;
  stop(): Promise<void>;
};

/** A kind of server that can be started afresh for every run. */
export type Contender = {
  readonly name: ContenderName;
  readonly version: string;
  readonly start: (bed: Bed) => Promise<Server>;
};

export const contenderNames = ["Quail", "Postfix", "OpenSMTPD", "Exim", "bare"] as const;
export type ContenderName = (typeof contenderNames)[number];

/** A server that cannot take part, and why. */
export type Absent = { readonly name: ContenderName; readonly absent: string };

/** What keeps each server's word when the power fails, as shipped; the tables must say who does not sync. */
export const durability: Readonly<Record<ContenderName, string>> = {
  Quail: "message and envelope on disk before the 250, the Maildir file before the queue forgets",
  Postfix: "the same",
  OpenSMTPD: "its queue is never synced: a 250 promises nothing after a power cut",
  Exim: "message and envelope synced before the 250",
  bare: "none: parses, discards, says 250",
};

/** The wrapper's words, then the command's. */
export function wrapped(wrapper: readonly string[], words: Words): Words {
  const [first, ...rest] = wrapper;
  return first === undefined ? words : [first, ...rest, ...words];
}

/** Starts; if that fails or takes too long, stops what there is and throws the reason with the server's own last words. */
export async function untilReady(
  ready: () => Promise<void>,
  stop: () => Promise<void>,
  lastWords: () => string,
): Promise<void> {
  try {
    await ready();
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : error}\n${lastWords().slice(-1000)}`.trim());
  }
}
