/** Logging in, as a session sees it: what the house can ask about it, and what is offered to whom. */
import type { ByteString } from "#bytes";
import type { TlsFact } from "#tls";
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

/** RFC 9266 §2. */
const exporterLabel = "EXPORTER-Channel-Binding";
const exporterBytes = 32;

/** A certificate's names as control/certusers has them: its addresses, and `sha256/` with its fingerprint. */
function namesOf(certificate: TlsFact["clientCert"]): readonly ByteString[] {
  if (certificate === null) return [];
  return [...certificate.emails, `sha256/${certificate.fingerprint.replaceAll(":", "").toLowerCase()}`];
}

/** The TLS facts of a session; without TLS there are none. */
export function channelOf({ tls }: Conversation): LoginChannel {
  if (tls === null) return { isSecure: false, tlsExporter: null, certificate: [] };
  return {
    isSecure: true,
    // Before TLS 1.3 the exporter is no proof against somebody in the middle without further conditions (RFC 9266 §3).
    tlsExporter: tls.version === "TLSv1.3" ? tls.exportKey(exporterLabel, exporterBytes) : null,
    certificate: namesOf(tls.clientCert),
  };
}

/** What this client may log in by now, in the order of control/authmechanisms; nothing where AUTH is not offered (J-170, Q-278). */
export function offeredMechanisms(talk: Conversation): readonly string[] {
  const { house, client } = talk;
  const { mechanisms, authClear, smtpAuth } = house.controls;
  if (house.login === null || (house.role === "smtp" && !smtpAuth)) return [];
  const channel = channelOf(talk);
  const isTrusted = channel.isSecure || authClear === "yes" || (authClear !== "no" && isLoopback(client.ip));
  return mechanisms.filter((name) => {
    if (name.endsWith("-PLUS")) return channel.tlsExporter !== null;
    if (name === "EXTERNAL") return channel.certificate.length > 0;
    return isTrusted || (authClear === "strong" && strong.test(name));
  });
}
