/** What is said to `local` and to `auth` about logins (`FrameLink` frames). */
import { type ByteString, fromBytes, toBytes } from "#bytes";

/** `where`/`there`: asked of `local`, the path of auth's socket (a payload says: the last path was no good). `login`/`verdict`: asked of auth. */
export const authFrames = { where: 5, there: 6, login: 7, verdict: 8 } as const;

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

/** The answer: where the worker of this user listens, and the line that lets this session in there. `later` is for the log. */
export type LoginAnswer =
  | { readonly kind: "yes"; readonly user: ByteString; readonly worker: string; readonly ticket: string }
  | { readonly kind: "no" }
  | { readonly kind: "later"; readonly reason: string };

/** Longer questions are not asked: a login and a password, each of a line at most. */
export const maxQuestionBytes = 8_192;

export function renderQuestion(question: LoginQuestion): Buffer {
  const { login, secret, timestamp, ip, session } = question;
  const [isSecure, isDoubtful] = [question.isSecure, question.isDoubtful].map((flag) => (flag ? "1" : ""));
  return toBytes([login, secret, timestamp, ip, session, isSecure, isDoubtful].join("\0"));
}

/** Null if it is no question of ours. */
export function parseQuestion(payload: Buffer): LoginQuestion | null {
  if (payload.length > maxQuestionBytes) return null;
  const [login, secret, timestamp, ip, session, secure, doubtful, ...more] = fromBytes(payload).split("\0");
  if (login === undefined || secret === undefined || timestamp === undefined || ip === undefined) return null;
  if (session === undefined || secure === undefined || doubtful === undefined || more.length > 0) return null;
  return { login, secret, timestamp, ip, session, isSecure: secure === "1", isDoubtful: doubtful === "1" };
}

/** The name of a worker's key in its environment, which only its own user can read. */
export const ticketKeyName = "QUAIL_TICKET_KEY";
