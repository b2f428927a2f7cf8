import { type ByteString, lowerAscii } from "#bytes";
import { ControlError, flagOf, readEntries, readLines, readNumber, readSetting, readValue } from "#control";
import { type Networks, parseNetworks } from "#net";
import { type Patterns, parsePatterns } from "./patterns.ts";

/** The control files behind `SmtpControls`, for `liveControls`. */
export const smtpControlFiles: readonly string[] = [
  "authclear",
  "authmechanisms",
  "badhelo",
  "badmailfrom",
  "badmailfrompatterns",
  "badmailpatterns",
  "badrcptpatterns",
  "badrcptto",
  "badrcpttopatterns",
  "databytes",
  "greetdelay",
  "localiphost",
  "maxrcpt",
  "me",
  "openrelay",
  "rcptcheck",
  "rcpthosts",
  "relayreject",
  "smtpauth",
  "smtpgreeting",
  "tarpitcount",
  "tarpitdelay",
  "timeoutsmtpd",
  "tlsclients",
  "tlsonly",
  "xclientfrom",
];

/** What the control files say about receiving mail by SMTP (spec 3.2, 3.5, 11.5); checked, with defaults. */
export type SmtpControls = {
  /** First word after 220, 250 and 221: smtpgreeting, else me. */
  readonly greeting: ByteString;
  /** control/me; null if missing (then smtpgreeting is there). */
  readonly me: ByteString | null;
  /** Replaces `[own address]` in envelope addresses; null if neither localiphost nor me exists. */
  readonly localIpHost: ByteString | null;
  /** One read or write; at least a second (spec 3.2). */
  readonly timeoutMs: number;
  /** Lower case; null: no file. */
  readonly rcptHosts: ReadonlySet<ByteString> | null;
  /** control/openrelay holds `yes`: a missing rcpthosts lets everything in, as it did in qmail (spec G13). */
  readonly openRelay: boolean;
  /** Lower case, `user@host` or `@host`. */
  readonly badMailFrom: ReadonlySet<ByteString>;
  readonly badRcptTo: ReadonlySet<ByteString>;
  /** The same by patterns (badmailfrompatterns, badrcptpatterns), and HELO names. */
  readonly badMailFromPatterns: Patterns;
  readonly badRcptToPatterns: Patterns;
  readonly badHelo: Patterns;
  /** Recipients that hold a route in their local part are refused from clients that may not relay. */
  readonly relayReject: boolean;
  /** Largest message in stored bytes; 0: no limit. */
  readonly dataBytes: number;
  /** Most recipients of one message; Infinity: no limit. */
  readonly maxRecipients: number;
  /** Answers to RCPT come `tarpitDelayMs` late after this many in one session; 0: never. */
  readonly tarpitCount: number;
  readonly tarpitDelayMs: number;
  /** The greeting waits this long, and a client that talks before it is turned away; 0: at once. */
  readonly greetDelayMs: number;
  /** Whether RCPT asks if there is such a mailbox; null: control/rcptcheck does not say (then yes). */
  readonly checksRecipients: boolean | null;
  /** Addresses in client certificates whose owners may relay; lower case. */
  readonly tlsClients: ReadonlySet<ByteString>;
  /** control/tlsonly: the listeners that take mail over TLS only. */
  readonly tlsOnly: ReadonlySet<ByteString>;
  /** Who may use XCLIENT; null: nobody. */
  readonly xclientFrom: Networks | null;
  /** control/authmechanisms, in capitals: the ways to log in that are offered where logging in is possible. */
  readonly mechanisms: readonly string[];
  /** control/authclear: who may log in without TLS. */
  readonly authClear: "no" | "loopback" | "strong" | "yes";
  /** control/smtpauth: the SMTP port offers AUTH too. */
  readonly smtpAuth: boolean;
};

/** Enough for any list server's batches, and a bound on what one client can make us hold (RFC 5321 §4.5.3.1.8 asks for 100). */
const defaultMaxRecipients = 1000;
const minMaxRecipients = 100;
const defaultTimeoutSeconds = 1200;
const defaultTarpitSeconds = 5;
/** Longer waits are surely a slip, and setTimeout takes no more than 2^31 ms. */
const maxSeconds = 86_400;

function seconds(home: string, file: string, fallback: number): number {
  return Math.min(readNumber(home, file) ?? fallback, maxSeconds) * 1000;
}

function lowerSet(home: string, file: string): ReadonlySet<ByteString> | null {
  const lines = readLines(home, file);
  return lines === null ? null : new Set(lines.map(lowerAscii));
}

/** The patterns of these files, one after the other. */
function readPatterns(home: string, ...files: readonly string[]): Patterns {
  return parsePatterns(files.flatMap((file) => readLines(home, file) ?? []));
}

/** Networks listed in a control file; null if it is missing. Throws ControlError naming the line that is none. */
export function readNetworks(home: string, file: string): Networks | null {
  const entries = readEntries(home, file);
  if (entries === null) return null;
  const networks = parseNetworks(entries.map((entry) => entry.text));
  if ("has" in networks) return networks;
  const bad = entries[networks.badEntry]!;
  throw new ControlError(`control/${file} line ${bad.line}: "${bad.text}" is no address, network or prefix`);
}

const offWords: ReadonlySet<string> = new Set(["0", "no", "off", ""]);
/** An open relay takes a word that can mean nothing else. */
const onWords: ReadonlySet<string> = new Set(["1", "yes", "on"]);

/** control/rcptcheck: `0`, `off`, `no` or nothing turns the question off, anything else asks; null if it is missing. */
function readSwitch(home: string, file: string): boolean | null {
  const value = readValue(home, file);
  return value === null ? null : !offWords.has(lowerAscii(value));
}

/** What a missing control/authmechanisms offers: by these every kind of stored password can be checked. */
const usualMechanisms: readonly string[] = ["PLAIN", "LOGIN"];
const clearWords = new Set(["no", "loopback", "strong", "yes"] as const);

/** Throws ControlError for a word that is none: what it opens or closes must not be guessed. */
function readAuthClear(home: string): SmtpControls["authClear"] {
  const word = readSetting(home, "authclear");
  for (const known of clearWords) if (known === word) return known;
  throw new ControlError(`control/authclear: "${word}" is none of ${[...clearWords].join(", ")}`);
}

/** control/maxrcpt: 0 is no limit, and limits below what RFC 5321 grants every client are raised to that. */
function readMaxRecipients(home: string): number {
  const wanted = readNumber(home, "maxrcpt") ?? defaultMaxRecipients;
  return wanted === 0 ? Number.POSITIVE_INFINITY : Math.max(minMaxRecipients, wanted);
}

/** Reads everything. Throws ControlError if a file is unreadable or wrong, or there is neither smtpgreeting nor me. */
export function loadSmtpControls(home: string): SmtpControls {
  const me = readValue(home, "me");
  const greeting = readValue(home, "smtpgreeting") ?? me;
  if (greeting === null) throw new ControlError("neither control/smtpgreeting nor control/me exists");
  return {
    greeting,
    me,
    localIpHost: readValue(home, "localiphost") ?? me,
    timeoutMs: Math.max(1000, seconds(home, "timeoutsmtpd", defaultTimeoutSeconds)),
    rcptHosts: lowerSet(home, "rcpthosts"),
    openRelay: onWords.has(lowerAscii(readValue(home, "openrelay") ?? "")),
    badMailFrom: lowerSet(home, "badmailfrom") ?? new Set(),
    badRcptTo: lowerSet(home, "badrcptto") ?? new Set(),
    badMailFromPatterns: readPatterns(home, "badmailfrompatterns", "badmailpatterns"),
    badRcptToPatterns: readPatterns(home, "badrcptpatterns", "badrcpttopatterns"),
    badHelo: readPatterns(home, "badhelo"),
    relayReject: flagOf(readValue(home, "relayreject") ?? "", false),
    dataBytes: readNumber(home, "databytes") ?? 0,
    maxRecipients: readMaxRecipients(home),
    tarpitCount: readNumber(home, "tarpitcount") ?? 0,
    tarpitDelayMs: seconds(home, "tarpitdelay", defaultTarpitSeconds),
    greetDelayMs: seconds(home, "greetdelay", 0),
    checksRecipients: readSwitch(home, "rcptcheck"),
    tlsClients: lowerSet(home, "tlsclients") ?? new Set(),
    tlsOnly: lowerSet(home, "tlsonly") ?? new Set(),
    xclientFrom: readNetworks(home, "xclientfrom"),
    mechanisms: (readSetting(home, "authmechanisms") ?? usualMechanisms).map((name) => name.toUpperCase()),
    authClear: readAuthClear(home),
    smtpAuth: readSetting(home, "smtpauth"),
  };
}
