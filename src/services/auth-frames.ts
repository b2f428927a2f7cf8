/** What is said to `local` and to `auth` about logins (`FrameLink` frames). */
import { type ByteString, fromBytes, toBytes } from "#bytes";

/**
 * `where`/`there`: asked of `local`, the path of auth's socket (a payload says: the last path was no good). All else is asked of auth:
 * `login`/`verdict` a name with its password; `begin`, `respond` / `turn` one SASL exchange, whose id is the frames' (`cancel` ends it
 * unanswered); `spend`/`spent` whether a user may send so much now.
 */
export const authFrames = {
  where: 5,
  there: 6,
  login: 7,
  verdict: 8,
  begin: 9,
  respond: 10,
  turn: 11,
  cancel: 12,
  spend: 13,
  spent: 14,
} as const;

/** A login as the listener passes it on. Fields hold no NUL. */
export type LoginQuestion = {
  readonly login: ByteString;
  readonly secret: ByteString;
  readonly timestamp: ByteString;
  readonly ip: string;
  readonly session: string;
  readonly isSecure: boolean;
  /** The worker of the last answer could not be reached. */
  readonly isDoubtful: boolean;
};

/** What the protocol wants of a right login: a mailbox's worker, or only to know who it is. */
export type LoginPurpose = "mailbox" | "sending";

/** The first frame of a SASL exchange. */
export type SaslQuestion = {
  readonly mechanism: string;
  readonly purpose: LoginPurpose;
  readonly ip: string;
  readonly session: string;
  readonly isSecure: boolean;
  /** What the listener calls itself. */
  readonly hostName: ByteString;
  /** A mechanism with channel binding was offered. */
  readonly offersPlus: boolean;
  /** RFC 9266's 32 octets of this TLS connection; null: nothing to bind to. */
  readonly tlsExporter: Buffer | null;
  /** The client certificate's names, as control/certusers writes them; empty: none that was verified. */
  readonly certificate: readonly ByteString[];
  /** Null: none came, which is not the same as an empty one. */
  readonly initial: Buffer | null;
};

/** Why a login is refused: it was wrong, or is not listened to now. `delayMs`: the client hears it so much later. */
export type LoginRefusal = { readonly kind: "no"; readonly why: "wrong" | "too-many"; readonly delayMs: number };

/** The answer: where the worker of this user listens, and the line that lets this session in there. `later` is for the log. */
export type LoginAnswer =
  | { readonly kind: "yes"; readonly user: ByteString; readonly worker: string; readonly ticket: string }
  | LoginRefusal
  | { readonly kind: "later"; readonly reason: string };

/** A step of a SASL exchange. A `challenge` is base64; all else ends it. `login`: who the client said it was. */
export type SaslAnswer =
  | { readonly kind: "challenge"; readonly data: string }
  | (LoginAnswer & { readonly login: ByteString })
  | { readonly kind: "known"; readonly user: ByteString; readonly login: ByteString }
  | { readonly kind: "malformed" };

/** Longer questions are not asked: RFC 4954 §4 gives a response 12288 octets of base64, and what is with it is short. */
export const maxQuestionBytes = 16_384;

const flag = (is: boolean): string => (is ? "1" : "");

export function renderQuestion(question: LoginQuestion): Buffer {
  const { login, secret, timestamp, ip, session } = question;
  return toBytes(
    [login, secret, timestamp, ip, session, flag(question.isSecure), flag(question.isDoubtful)].join("\0"),
  );
}

/** Null if it is no question of ours. */
export function parseQuestion(payload: Buffer): LoginQuestion | null {
  if (payload.length > maxQuestionBytes) return null;
  const [login, secret, timestamp, ip, session, secure, doubtful, ...more] = fromBytes(payload).split("\0");
  if (login === undefined || secret === undefined || timestamp === undefined || ip === undefined) return null;
  if (session === undefined || secure === undefined || doubtful === undefined || more.length > 0) return null;
  return { login, secret, timestamp, ip, session, isSecure: secure === "1", isDoubtful: doubtful === "1" };
}

const optional = (bytes: Buffer | null): string => (bytes === null ? "-" : bytes.toString("base64"));
const fromOptional = (text: ByteString): Buffer | null => (text === "-" ? null : Buffer.from(text, "base64"));

export function renderSaslQuestion(question: SaslQuestion): Buffer {
  const { mechanism, purpose, ip, session, hostName, tlsExporter, certificate, initial } = question;
  const flags = [question.isSecure, question.offersPlus].map(flag);
  const rest = [hostName, optional(tlsExporter), optional(initial), ...certificate];
  return toBytes([mechanism, purpose, ip, session, ...flags, ...rest].join("\0"));
}

/** A certificate has few names; more are not looked at. */
const maxCertificateNames = 32;

/** Null if it is no question of ours. */
export function parseSaslQuestion(payload: Buffer): SaslQuestion | null {
  if (payload.length > maxQuestionBytes) return null;
  const words = fromBytes(payload).split("\0");
  const [mechanism = "", purpose, ip = "", session = "", secure, plus, hostName = "", exporter, initial] = words;
  if ((purpose !== "mailbox" && purpose !== "sending") || exporter === undefined || initial === undefined) return null;
  return {
    mechanism,
    purpose,
    ip,
    session,
    isSecure: secure === "1",
    offersPlus: plus === "1",
    hostName,
    tlsExporter: fromOptional(exporter),
    certificate: words.slice(9, 9 + maxCertificateNames),
    initial: fromOptional(initial),
  };
}

/** The name of a worker's key in its environment, which only its own user can read. */
export const ticketKeyName = "QUAIL_TICKET_KEY";
