import type { ByteString } from "#bytes";
import type { Envelope, Origin } from "#mail";
import type { TlsServer } from "#tls";
import type { SmtpControls } from "./controls.ts";
import type { LoginHouse } from "./login.ts";
import type { Posting } from "./message-intake.ts";

/** Is there such a mailbox? `yes` too for whatever is not ours to judge; `defer` when it cannot be told now. */
export type RecipientAnswer = "yes" | "no" | "defer";

/** What a connection is known by: TCPREMOTEIP, RELAYCLIENT, DATABYTES and the rest of the classic environment (spec 2.1). */
export type Surroundings = ReadonlyMap<string, ByteString>;

/** All that a session may touch besides its peer. */
export type House = {
  readonly controls: SmtpControls;
  /** `submission`: nobody may send without RELAYCLIENT. */
  readonly role: "smtp" | "submission";
  /** Whoever knows the accounts; null: nobody logs in here. */
  readonly login: LoginHouse | null;
  /** Opens the queue's door for one message; may throw when there is no way in. `helo`: the client's name for itself, if it gave one. */
  readonly post: (envelope: Envelope, origin: Origin, surroundings: Surroundings, helo: ByteString | null) => Posting;
  readonly origin: Origin;
  /** Asked at RCPT with the address as it would be queued; null: nobody asks (every recipient is taken). */
  readonly checkRecipient: ((address: ByteString) => RecipientAnswer | Promise<RecipientAnswer>) | null;
  /** Whether an IP address in brackets means this host. */
  readonly isOwnAddress: (ip: string) => boolean;
  /** Whether any of these keys is in control/morercpthosts.cdb. */
  readonly inMoreRcptHosts: (keys: readonly ByteString[]) => Promise<boolean>;
  /**
   * Who may speak XCLIENT (by its own address) gets this: the surroundings of the client it speaks for, or null if the rules
   * deny that client. Null: XCLIENT is refused.
   */
  readonly readmit: ((told: Surroundings) => Surroundings | null) | null;
  /** Makes connections secure; null: no TLS here. */
  readonly tls: TlsServer | null;
  readonly log: (line: string) => void;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
};
