import { type ByteString, utf8ToByteString } from "#bytes";

/** The letters of QMAILINJECT (spec 7.6). */
export type InjectLetters = {
  /** `c`: the name behind the address, as a comment. */
  readonly commentName: boolean;
  /** `s`: an incoming Return-Path is not the sender. */
  readonly ignoreReturnPath: boolean;
  /** `f`: an incoming From is replaced. */
  readonly replaceFrom: boolean;
  /** `i`: an incoming Message-ID is replaced. */
  readonly replaceMessageId: boolean;
  /** `r`: one sender per recipient (VERP). */
  readonly senderPerRecipient: boolean;
  /** `m`: one sender per message. */
  readonly senderPerMessage: boolean;
};

/** What the environment says about who writes (spec 7.6), as byte strings in which line ends have become blanks. */
export type InjectEnvironment = {
  readonly user: ByteString;
  /** null: defaulthost. */
  readonly host: ByteString | null;
  /** null: none is shown. */
  readonly fullName: ByteString | null;
  readonly senderUser: ByteString;
  readonly senderHost: ByteString | null;
  readonly letters: InjectLetters;
};

const anonymous = "anonymous";

/** The first of the variables that is set, empty or not. A line end in it must not end the field it is put into. */
function firstSet(env: NodeJS.ProcessEnv, ...names: readonly string[]): ByteString | null {
  const value = names.map((name) => env[name]).find((text) => text !== undefined);
  return value === undefined ? null : utf8ToByteString(value.replace(/[\r\n]+/g, " "));
}

function lettersOf(text: string): InjectLetters {
  return {
    commentName: text.includes("c"),
    ignoreReturnPath: text.includes("s"),
    replaceFrom: text.includes("f"),
    replaceMessageId: text.includes("i"),
    senderPerRecipient: text.includes("r"),
    senderPerMessage: text.includes("m"),
  };
}

/** Reads the environment by the precedence of spec 7.6. */
export function readInjectEnvironment(env: NodeJS.ProcessEnv): InjectEnvironment {
  const user = firstSet(env, "QMAILUSER", "MAILUSER", "USER", "LOGNAME") ?? anonymous;
  const host = firstSet(env, "QMAILHOST", "MAILHOST");
  return {
    user,
    host,
    fullName: firstSet(env, "QMAILNAME", "MAILNAME", "NAME"),
    senderUser: firstSet(env, "QMAILSUSER") ?? user,
    senderHost: firstSet(env, "QMAILSHOST") ?? host,
    letters: lettersOf(env.QMAILINJECT ?? ""),
  };
}
