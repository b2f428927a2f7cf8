import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { ReadStream } from "node:tty";
import { makeHash, makeScramKey, storeClear, withHash } from "#auth";
import { type ByteString, displayText, lowerAscii, utf8ToByteString } from "#bytes";
import { findHome, readSetting } from "#control";
import { errorText } from "#files";
import { type Program, UsageError } from "#process";
import { findUser, openUserSources } from "#users";
import type { AppTask } from "./app-passwords.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

const usage = `usage: quail passwd USER [--apop | --scram]      (the password is read from standard input)
       quail passwd USER --app NAME | --apps [--json] | --revoke NAME`;

/** checkpassword's 512 octets hold a login and a timestamp too. */
const maxPasswordBytes = 255;
const refused = 1;
const trouble = 111;
const [ctrlC, ctrlD, backspace, del] = ["\x03", "\x04", "\b", "\x7f"];

/** A line typed without being shown; null if it was broken off. */
function typed(terminal: ReadStream, out: Writable, prompt: string): Promise<ByteString | null> {
  out.write(prompt);
  terminal.setRawMode(true);
  let text = "";
  return new Promise((done) => {
    const end = (answer: ByteString | null): void => {
      terminal.off("data", take);
      terminal.setRawMode(false);
      terminal.pause();
      out.write("\n");
      done(answer);
    };
    const take = (piece: Buffer): void => {
      for (const key of piece.toString("latin1")) {
        const isBrokenOff = key === ctrlC || (key === ctrlD && text === "");
        if (isBrokenOff || key === "\r" || key === "\n") {
          end(isBrokenOff ? null : text);
          return;
        }
        text = key === backspace || key === del ? text.slice(0, -1) : text + key;
      }
    };
    terminal.on("data", take);
    terminal.resume();
  });
}

function isTerminal(stream: Readable): stream is ReadStream {
  return (stream as Partial<ReadStream>).isTTY === true;
}

/** The first line of what is piped in. */
async function piped(input: Readable): Promise<ByteString> {
  let text = "";
  for await (const piece of input as AsyncIterable<Buffer>) {
    text += piece.toString("latin1");
    if (text.includes("\n") || text.length > 2 * maxPasswordBytes) break;
  }
  return text.split("\n", 1)[0]!.replace(/\r$/, "");
}

/** The password, asked twice at a terminal; or what is wrong with it, in words. */
async function askPassword(input: Readable, out: Writable): Promise<{ readonly password: ByteString } | string> {
  let password: ByteString;
  if (isTerminal(input)) {
    const first = await typed(input, out, "New password: ");
    const again = first === null ? null : await typed(input, out, "The same again: ");
    if (first === null || again === null) return "broken off, nothing is changed";
    if (first !== again) return "the two are not the same, nothing is changed";
    password = first;
  } else password = await piped(input);
  if (password === "") return "an empty password is none";
  if (password.includes("\0")) return "a password cannot hold a NUL";
  return password.length > maxPasswordBytes ? `no more than ${maxPasswordBytes} octets, please` : { password };
}

const knows = (text: ByteString, login: ByteString): boolean =>
  text.split("\n").some((line) => lowerAscii(line.split(":", 1)[0] ?? "") === lowerAscii(login));

/** Under which name the login stands in the file: as typed, or with or without the local domain; else as typed. */
function nameIn(text: ByteString, login: ByteString, home: string): ByteString {
  const withDomain = login.includes("@") ? login.replace(/@[^@]*$/, "") : `${login}@${readSetting(home, "me") ?? ""}`;
  return !knows(text, login) && knows(text, withDomain) ? withDomain : login;
}

/** `:uid:gid:home` of the user whose mail this login's is; or why there is none. */
async function ownerOf(login: ByteString, home: string): Promise<ByteString | Error> {
  const found = await findUser(login.replace(/@[^@]*$/, ""), openUserSources(home, { superuser: true }));
  if (found.kind === "outcome") return new Error(displayText(found.outcome.text) || "no such user");
  const { uid, gid, home: folder, dash, ext } = found.route;
  if (dash !== "" || ext !== "")
    return new Error("there is no user of that name: neither users/assign nor the system has one");
  return `:${uid}:${gid}:${folder}`;
}

/** How a password is kept, or what is to be done about those of single programs. */
type Task = { readonly kind: "hash" | "apop" | "scram" } | AppTask;

/** Reads the words behind USER; null if they are none of ours. */
function taskOf(words: readonly string[]): Task | null {
  const [option, name, ...more] = words;
  if (option === undefined) return { kind: "hash" };
  if (option === "--apps" && (name === undefined || name === "--json") && more.length === 0) {
    return { kind: "list", json: name === "--json" };
  }
  if ((option === "--apop" || option === "--scram") && name === undefined) {
    return { kind: option === "--apop" ? "apop" : "scram" };
  }
  if ((option !== "--app" && option !== "--revoke") || name === undefined || more.length > 0) return null;
  return { kind: option === "--app" ? "make" : "revoke", app: utf8ToByteString(name) };
}

/** The word that is no option comes first, wherever it stood. */
function userFirst(args: readonly string[]): readonly string[] {
  const at = args.findIndex((word, i) => !word.startsWith("-") && !["--app", "--revoke"].includes(args[i - 1] ?? ""));
  return at < 0 ? [] : [args[at]!, ...args.slice(0, at), ...args.slice(at + 1)];
}

function stored(kind: "hash" | "apop" | "scram", password: ByteString): ByteString | Promise<ByteString> {
  if (kind === "apop") return storeClear(password);
  return kind === "scram" ? makeScramKey(password) : makeHash(password);
}

/**
 * `quail passwd USER`: sets a mailbox password in control/poppasswd, as an argon2id hash; with `--scram` as the key that SCRAM-SHA-256
 * needs, with `--apop` the password itself, which APOP and CRAM-MD5 need. USER gets a line of their own if there is none. `--app`, `--apps`
 * and `--revoke` are about passwords of single programs. Exit code 1: the password or name will not do; 111: trouble.
 */
export const main: Program = async ({ args, env, stdin, stdout, stderr }) => {
  const [user = "", ...words] = userFirst(args);
  const task = taskOf(words);
  const login = utf8ToByteString(user);
  if (user === "" || task === null) throw new UsageError(usage);
  const complain = (reason: string): void => void stderr.write(`quail passwd: ${reason}\n`);
  if (!/^[^\x00-\x20\x7f:]+$/.test(login)) {
    complain(`${JSON.stringify(user)} is no name for a login`);
    return refused;
  }
  const home = findHome(env);
  const path = join(home, "control", "poppasswd");
  try {
    const before = readSecretFile(path);
    const name = nameIn(before, login, home);
    const rest = knows(before, name) ? "" : await ownerOf(name, home);
    if (rest instanceof Error) {
      complain(`${user}: ${rest.message}`);
      return refused;
    }
    if (task.kind === "make" || task.kind === "revoke" || task.kind === "list") {
      const { keepAppPasswords } = await import("./app-passwords.ts");
      return await keepAppPasswords(home, name, task, { stdout, stderr });
    }
    const asked = await askPassword(stdin, stderr);
    if (typeof asked === "string") {
      complain(asked);
      return refused;
    }
    const hash = await stored(task.kind, asked.password);
    await writeSecretFile(home, path, withHash(readSecretFile(path), { login: name, hash, rest }));
    return 0;
  } catch (error) {
    complain(errorText(error instanceof Error ? (error.cause ?? error) : error));
    return trouble;
  }
};
