import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import { ControlError, liveControls, readSetting } from "#control";
import { errorText } from "#files";
import type { TlsManner, TlsPolicy } from "#smtp/client";
import { type Bindings, readBindings } from "./bindings.ts";
import type { Routes } from "./smtp-route.ts";

/** What control files say to qmail-remote, read live: the next delivery sees an edit. */
export type RemoteSettings = {
  readonly helo: ByteString;
  /** Host or `.suffix` or "" -> relay. Keys in lower case. */
  readonly routes: Routes;
  readonly bindings: Bindings;
  /** A 5xx greeting, or answer to HELO, from every place that was tried is the end (spec G19). */
  readonly isGreetingFinal: boolean;
  readonly connectTimeoutMs: number;
  readonly ioTimeoutMs: number;
  readonly moreOwn: readonly string[];
  readonly lessOwn: readonly string[];
  /** Recipients of one message that may share a transaction: 1..100. */
  readonly transactionRecipients: number;
  /** control/tlsremote: TLS where it is offered. What is required is required either way. */
  readonly wantsTls: boolean;
  readonly tlsManner: TlsManner;
  /** control/dkimsign names keys: our messages are signed. */
  readonly signs: boolean;
};

const names = [
  "qmtproutes",
  "outgoingip",
  "bindroutes",
  "domainbindings",
  "finalgreeting",

  "me",
  "helohost",
  "smtproutes",
  "timeoutconnect",
  "timeoutremote",
  "moreipme",
  "notipme",
  "rcpttransaction",
  "tlsremote",
  "clientcert.pem",
  "tlsclientciphers",
  "dkimsign",
] as const;
/** A timer holds 2^31 ms; and nobody means to wait for more than a day. */
const maxTimeoutSeconds = 86_400;
/** More recipients than this a server need not take (RFC 5321 §4.5.3.1.8). */
const maxTransactionRecipients = 100;

const milliseconds = (seconds: number): number => Math.min(Math.max(seconds, 1), maxTimeoutSeconds) * 1000;

/** The settings of a home. The returned function throws ControlError when a file cannot be read or `me` is missing. */
export function remoteSettings(home: string): () => RemoteSettings {
  return liveControls(home, names, () => ({
    helo: readSetting(home, "helohost"),
    routes: { smtp: readSetting(home, "smtproutes"), qmtp: readSetting(home, "qmtproutes") },
    bindings: readBindings(home),
    isGreetingFinal: readSetting(home, "finalgreeting"),
    connectTimeoutMs: milliseconds(readSetting(home, "timeoutconnect")),
    ioTimeoutMs: milliseconds(readSetting(home, "timeoutremote")),
    moreOwn: readSetting(home, "moreipme") ?? [],
    lessOwn: readSetting(home, "notipme") ?? [],
    signs: (readSetting(home, "dkimsign") ?? []).length > 0,
    transactionRecipients: Math.min(Math.max(readSetting(home, "rcpttransaction"), 1), maxTransactionRecipients),
    wantsTls: readSetting(home, "tlsremote"),
    tlsManner: { identity: readClientCertificate(home), ciphers: readSetting(home, "tlsclientciphers") },
  }));
}

/** One that is not for us to read is none: few servers ask, and mail goes without (spec 11.4). */
function readClientCertificate(home: string): ByteString | null {
  try {
    return readSetting(home, "clientcert.pem");
  } catch (error) {
    if (error instanceof ControlError) return null;
    throw error;
  }
}

/** Names that can stand in a path without leading out of it. */
const plainName = /^[a-z0-9_-][a-z0-9._-]*$/i;

/**
 * The TLS policy for a server, by its name (spec 11.4): `control/tlshosts/NAME.pem` holds the authorities it must prove itself
 * to; `control/notlshosts/NAME` means never; with `control/tlshosts/exhaustivelist` only listed hosts are tried. Throws
 * ControlError when the file is there but cannot be read: required security is not dropped for that.
 */
export function tlsPolicyOf(home: string, host: string): TlsPolicy {
  const control = join(home, "control");
  if (plainName.test(host)) {
    const pem = join(control, "tlshosts", `${host.toLowerCase()}.pem`);
    if (existsSync(pem)) return { kind: "verified", authorities: readAuthorities(pem) };
    if (existsSync(join(control, "notlshosts", host.toLowerCase()))) return { kind: "never" };
  }
  return existsSync(join(control, "tlshosts", "exhaustivelist")) ? { kind: "never" } : { kind: "opportunistic" };
}

function readAuthorities(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ControlError(`unable to read ${path}: ${errorText(cause)}`, { cause });
  }
}
