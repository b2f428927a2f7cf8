import { chownSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { ReadStream } from "node:tty";
import { makeHash, storeClear, withHash } from "#auth";
import { type ByteString, displayText, lowerAscii, utf8ToByteString } from "#bytes";
import { findHome, readSetting } from "#control";
import { errorCode, errorText, writeFileDurable } from "#files";
import { type Program, UsageError } from "#process";
import { findUser, openUserSources } from "#users";

const usage = "usage: quail passwd USER [--apop]      (the password is read from standard input)";

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

function readOld(path: string): ByteString {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
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

/**
 * `quail passwd USER`: sets a mailbox password in control/poppasswd, as an argon2id hash; with `--apop` the password itself, which
 * APOP needs. USER gets a line of their own if there is none. Exit code 1: the password will not do; 111: trouble.
 */
export const main: Program = async ({ args, env, stdin, stderr }) => {
  const words = args.filter((word) => word !== "--apop");
  const login = utf8ToByteString(words[0] ?? "");
  if (words.length !== 1 || login.startsWith("-")) throw new UsageError(usage);
  const complain = (reason: string): void => void stderr.write(`quail passwd: ${reason}\n`);
  if (!/^[^\x00-\x20\x7f:]+$/.test(login)) {
    complain(`${JSON.stringify(words[0])} is no name for a login`);
    return refused;
  }
  const home = findHome(env);
  const path = join(home, "control", "poppasswd");
  try {
    const before = readOld(path);
    const name = nameIn(before, login, home);
    const rest = knows(before, name) ? "" : await ownerOf(name, home);
    if (rest instanceof Error) {
      complain(`${words[0]}: ${rest.message}`);
      return refused;
    }
    const asked = await askPassword(stdin, stderr);
    if (typeof asked === "string") {
      complain(asked);
      return refused;
    }
    const hash = args.includes("--apop") ? storeClear(asked.password) : await makeHash(asked.password);
    const owner = statSync(before === "" ? home : path);
    await writeFileDurable(path, Buffer.from(withHash(readOld(path), { login: name, hash, rest }), "latin1"), 0o600);
    // Root may set passwords for services that run as somebody else.
    if (process.getuid?.() === 0) chownSync(path, owner.uid, owner.gid);
    return 0;
  } catch (error) {
    complain(errorText(error instanceof Error ? (error.cause ?? error) : error));
    return trouble;
  }
};
