import type { Duplex } from "node:stream";
import type { ByteString } from "#bytes";
import { LineWire } from "#net";
import type { TlsFact } from "#tls";
import { type Reply, renderReply } from "../grammar/reply.ts";
import { type Client, clientOf } from "./client.ts";
import type { House, Surroundings } from "./house.ts";
import { underTls } from "./under-tls.ts";

/** How a session ended, as its log line says it. */
export type SessionEnd =
  | "quit"
  | "eof"
  | "timeout"
  | "lost"
  | "bare-lf"
  | "errors"
  | "bad-recipients"
  | "early-talker"
  | "line-too-long"
  | "too-big"
  | "bad-chunk"
  | "rules"
  | "controls"
  | "shutdown"
  | "stress"
  | "tls"
  | "trouble";

/** One client being served: what is known of it now, and what it has done so far. */
export class Conversation {
  /** Tells sessions apart in the log: unique among the processes of one host for as long as anyone compares. */
  readonly id: string;
  /** Another one once TLS has begun. */
  wire: LineWire;
  /** What is known of the secure connection; null: it is in the clear. */
  tls: TlsFact | null = null;
  readonly house: House;
  surroundings: Surroundings;
  client: Client;
  /** HELO's or EHLO's word; null before either. */
  helo: ByteString | null = null;
  /** True after EHLO: the client gets enhanced status codes. */
  extended = false;
  /** Who has logged in (RFC 4954); null: nobody. */
  user: ByteString | null = null;
  /** Logins of this session that were wrong. */
  failedLogins = 0;
  accepted = 0;
  rejected = 0;
  /** Bytes of accepted messages. */
  acceptedBytes = 0;
  /** Commands that were wrong. */
  errors = 0;
  /** Recipients refused since the last accepted message. */
  badRecipients = 0;
  /** Commands since the last accepted message that brought no message nearer. */
  idleCommands = 0;
  /** RCPT commands so far. */
  recipients = 0;
  /** When the present wait for a command began, Unix ms; null while one is being worked on. */
  waitingSince: number | null = null;
  /** The surroundings without what a login added. */
  #unclaimed: Surroundings;
  #end: SessionEnd | null = null;
  #lastWord: Reply | null = null;

  constructor(id: string, wire: LineWire, house: House, surroundings: Surroundings) {
    this.id = id;
    this.wire = wire;
    this.house = house;
    this.surroundings = surroundings;
    this.#unclaimed = surroundings;
    this.client = clientOf(surroundings, house.controls);
  }

  /** Gathers a reply for the peer. */
  say(reply: Reply): void {
    this.wire.write(renderReply(reply, this.extended));
  }

  /** True where AUTH is a way to be let in, if perhaps not over this connection. */
  get mayLogIn(): boolean {
    const { login, role, controls } = this.house;
    return login !== null && (role === "submission" || controls.smtpAuth);
  }

  /** The client is this user from now on: it may relay, and is named in Received. */
  authenticate(user: ByteString): void {
    this.user = user;
    const relay = this.surroundings.get("RELAYCLIENT") ?? "";
    this.surroundings = new Map([...this.surroundings, ["TCPREMOTEINFO", user], ["RELAYCLIENT", relay]]);
    this.client = clientOf(this.surroundings, this.house.controls);
  }

  /** Another client is meant from now on (XCLIENT). */
  become(surroundings: Surroundings): void {
    this.user = null;
    this.#unclaimed = surroundings;
    this.surroundings = surroundings;
    this.client = clientOf(surroundings, this.house.controls);
  }

  /**
   * The connection is secure from now on. What the client said in the clear is forgotten (RFC 3207 §4.2): anybody on the way may have
   * said it.
   */
  secured(socket: Duplex, fact: TlsFact): void {
    this.wire = new LineWire(socket, this.wire.timeoutMs);
    this.tls = fact;
    this.helo = null;
    this.extended = false;
    const surroundings = underTls(this.#unclaimed, fact, this.house.controls);
    if (surroundings !== this.surroundings) this.become(surroundings);
  }

  /** Set once the session is to end for a reason that is not the peer's doing. */
  get ending(): SessionEnd | null {
    return this.#end;
  }

  /** Ends the session from outside: at once if it waits for a command, else after the command under way is answered. */
  hangUp(reply: Reply, end: SessionEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#lastWord = reply;
    if (this.waitingSince === null) return;
    this.sayLastWord();
    void this.wire.end(); // The session wakes up by the close.
  }

  /** Says what `hangUp` wanted said, once. */
  sayLastWord(): void {
    if (this.#lastWord !== null) this.say(this.#lastWord);
    this.#lastWord = null;
  }
}
