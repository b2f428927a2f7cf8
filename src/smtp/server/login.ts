/** Logging in, as a session sees it: what the house can ask about it, and what is offered to whom. */
import type { ByteString } from "#bytes";
import { channelFacts } from "#tls";
import type { Conversation } from "./conversation.ts";
import type { SenderRules } from "./submission/sender-rules.ts";

/** A step of a SASL exchange (RFC 4422) by whoever knows the accounts; all but a challenge ends it. `data` is base64. */
export type LoginTurn =
  | { readonly kind: "challenge"; readonly data: string }
  | { readonly kind: "known"; readonly user: ByteString; readonly login: ByteString }
  | { readonly kind: "no"; readonly why: "wrong" | "too-many"; readonly delayMs: number; readonly login: ByteString }
  | { readonly kind: "later"; readonly reason: string; readonly login: ByteString }
  | { readonly kind: "malformed" };

/** The rest of an exchange. */
export type LoginTalk = {
  readonly next: (response: Buffer) => Promise<LoginTurn>;
  readonly cancel: () => void;
};

/** How an exchange begins. */
export type LoginStart = {
  readonly mechanism: string;
  /** Null: the client sent none. */
  readonly initial: Buffer | null;
  readonly ip: string;
  readonly session: string;
  readonly hostName: ByteString;
  readonly isSecure: boolean;
  readonly offersPlus: boolean;
  readonly tlsExporter: Buffer | null;
  readonly certificate: readonly ByteString[];
};

/** What is known of the TLS connection a session runs over. */
export type LoginChannel = Pick<LoginStart, "isSecure" | "tlsExporter" | "certificate">;

/** The house's way to whoever knows the accounts; secrets pass through here and are not kept. */
export type LoginHouse = {
  readonly begin: (start: LoginStart) => Promise<{ readonly answer: LoginTurn; readonly talk: LoginTalk }>;
  /** What control files say about sending by who has logged in; asked for at each message, so that edits count at once. */
  readonly rules: () => SenderRules;
  /** May this user send a message to so many now? Null: it cannot be told. */
  readonly spend: (user: ByteString, recipients: number) => Promise<boolean | null>;
};

/** Mechanisms that prove a password without showing it. */
const strong = /^(?:CRAM-MD5|SCRAM-.*)$/;
const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

/** The TLS facts of a session; without TLS there are none. */
export function channelOf({ tls }: Conversation): LoginChannel {
  return { isSecure: tls !== null, ...channelFacts(tls) };
}

/** What this client may log in by now, in the order of control/authmechanisms; nothing where AUTH is not offered (J-170, Q-278). */
export function offeredMechanisms(talk: Conversation): readonly string[] {
  const { house, client } = talk;
  const { mechanisms, authClear, smtpAuth, tlsOnly } = house.controls;
  if (house.login === null || (house.role === "smtp" && !smtpAuth)) return [];
  if (talk.tls === null && (client.mustSecure || tlsOnly.has(house.role))) return [];
  const channel = channelOf(talk);
  const isTrusted = channel.isSecure || authClear === "yes" || (authClear !== "no" && isLoopback(client.ip));
  return mechanisms.filter((name) => {
    if (name.endsWith("-PLUS")) return channel.tlsExporter !== null;
    if (name === "EXTERNAL") return channel.certificate.length > 0;
    return isTrusted || (authClear === "strong" && strong.test(name));
  });
}
