/**
 * A home, made on the first start and left alone afterwards: what is there is kept, so that an admin's files laid beforehand
 * count, and a start that broke off is completed by the next. Folders that the services need are looked after at each start.
 */

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { utf8ToByteString } from "#bytes";
import { multiCallPath } from "#process";
import { cryptoLater } from "#process/memory";
import { makeFirstCertificate } from "./first-certificate.ts";
import { makeDurable } from "./make-durable.ts";
import { StartError, step } from "./start-error.ts";
import type { Ids } from "./who.ts";

/** Folders of every home. 0711: others pass through to the sockets in it. 1733: others leave a message and see no other. */
const folders: readonly (readonly [name: string, mode: number])[] = [
  ["", 0o755],
  ["control", 0o755],
  ["users", 0o755],
  ["alias", 0o755],
  ["home", 0o755],
  ["bin", 0o755],
  ["log", 0o755],
  ["run", 0o711],
  ["run/own", 0o711],
  ["run/own/filter", 0o711],
  ["run/own/sign", 0o711],
  ["dkim", 0o711],
  ["queue", 0o711],
  ["queue/mess", 0o700],
  ["queue/drop", 0o1733],
];

/** The test account of every fresh home. */
export const testAccount = "you";
export const testAddress = `${testAccount}@localhost`;

/** Is there from the first step of furnishing a home to its last, so that what broke off can be told from what an admin made. */
const beginning = (home: string): string => join(home, "run", "furnishing");

/**
 * Nobody used this home before, and nobody has set it up: there was never a queue, and nobody said who gets postmaster's mail. An
 * installation of qmail, and what `quail setup` made, is left as it is: what is missing there has a meaning.
 */
function isFresh(home: string): boolean {
  if (existsSync(join(home, "queue"))) return false;
  if (existsSync(beginning(home)) || !existsSync(join(home, "alias"))) return true;
  return !readdirSync(join(home, "alias")).some((name) => name.startsWith(".qmail"));
}

/** What only qmail's own installation has: the folders of its queue. */
const signsOfQmail = ["queue/intd", "queue/todo", "queue/info"] as const;

/** True if qmail's own program lies there, or a link to it, not one of ours. */
function isOriginal(home: string, name: string): boolean {
  const path = join(home, "bin", name);
  if (!existsSync(join(home, "bin"))) return false; // lstat would throw for a home that cannot be.
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !(stat.isSymbolicLink() && readlinkSync(path).endsWith("/bin/quail"));
}

/** The first sign that qmail itself lives in this home, and not Quail; null if there is none. */
export function signOfQmail(home: string): string | null {
  if (existsSync(join(home, "queue", "queue.db"))) return null;
  const sign = signsOfQmail.find((name) => existsSync(join(home, name)));
  return sign ?? (isOriginal(home, "qmail-send") ? "bin/qmail-send" : null);
}

/**
 * Throws when qmail itself lives here: its queue is not ours to take over (what lies in queue/mess without a row in our
 * database would be swept away), and its files keep their owners.
 */
export function refuseQmail(home: string): void {
  const sign = signOfQmail(home);
  if (sign === null) return;
  throw new StartError(
    `${home} is an installation of qmail (it has ${sign}); take another folder with --home, or stop qmail and let Quail work in its place: quail setup adopt ${home}`,
  );
}

function ensureFolder(path: string, mode: number): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode); // mkdir's mode is cut by the umask, and knows no sticky bit.
}

function ensureFile(path: string, content: string, mode = 0o644): void {
  if (existsSync(path)) return;
  writeFileSync(path, content, { mode, flag: "wx" });
}

/** The home and its `run/`, where the locks are: made before anything else. */
export function makeRunFolder(home: string): void {
  for (const [name, mode] of folders) if (name === "" || name === "run") ensureFolder(join(home, name), mode);
}

/** control/* of a machine that mails to itself. */
const controlFiles: Readonly<Record<string, string>> = {
  me: "localhost\n",
  // Empty: "you@localhost" stays as it is when a message is injected, without a domain added.
  defaultdomain: "\n",
  locals: "localhost\n",
  rcpthosts: "localhost\n",
  defaultdelivery: "./Maildir/\n",
  "tcp.smtp": '127.:allow,RELAYCLIENT=""\n::1:allow,RELAYCLIENT=""\n:allow\n',
};

/** Who gets mail for the addresses every mail host must have (RFC 2142). */
const forwarded = ["postmaster", "mailer-daemon", "root", "abuse"] as const;

/** What a fresh home is made for: whose the test account is, and whether the accounts of the system get mail too. */
export type Dwellers = Ids & {
  readonly othersAreUsers?: boolean;
  /** The group that may read the certificate's key; left out: the owner alone may. */
  readonly certificateGid?: number;
};

/**
 * users/assign: the test account with its extensions, everybody else to alias (unless the system's accounts are to be asked).
 * Mail is delivered as `ids`.
 */
function assignText(home: string, { uid, gid, othersAreUsers = false }: Dwellers): string {
  const you = `${testAccount}:${uid}:${gid}:${home}/home/${testAccount}`;
  const alias = `alias:${uid}:${gid}:${home}/alias`;
  // As qmail-pw2u lists the alias account: by its own name too, which virtualdomains use ("example.org:alias-example").
  const aliases = othersAreUsers ? "" : `+:${alias}:-::\n=alias:${alias}:::\n+alias-:${alias}:-::\n`;
  return `=${testAccount}:${you}:::\n+${testAccount}-:${you}:-::\n${aliases}.\n`;
}

async function makeUsers(home: string, ids: Dwellers): Promise<void> {
  const text = assignText(home, ids);
  const { compileAssign, parseAssign } = await import("#users");
  const entries = parseAssign(utf8ToByteString(text));
  if ("kind" in entries)
    throw new StartError(`the path ${home} cannot stand in users/assign: it holds a colon or a line end`);
  // Written before the cdb, so that it does not look newer; named after it, since its name says that the users are made.
  writeFileSync(join(home, "users", "assign.tmp"), text);
  writeFileSync(join(home, "users", "cdb"), compileAssign(entries));
  renameSync(join(home, "users", "assign.tmp"), join(home, "users", "assign"));
}

async function makeMailbox(home: string): Promise<void> {
  const folder = join(home, "home", testAccount);
  ensureFolder(folder, 0o700);
  const { makeMaildir } = await import("#mailbox");
  if (!existsSync(join(folder, "Maildir"))) makeMaildir(utf8ToByteString(join(folder, "Maildir")));
}

/** scrypt's cost for a password that is checked at each login: about 50 ms and 16 MB. */
const scryptCost = { N: 16_384, r: 8, p: 1 };

/** `$scrypt$ln=14,r=8,p=1$SALT$HASH`, the PHC form (base64 without padding). */
function hashPassword(password: string): string {
  const { randomBytes, scryptSync } = cryptoLater();
  const salt = randomBytes(16);
  const { N, r, p } = scryptCost;
  const unpadded = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=${Math.log2(N)},r=${r},p=${p}$${unpadded(salt)}$${unpadded(scryptSync(password, salt, 32, scryptCost))}`;
}

function welcomeText(home: string, password: string): string {
  return `Welcome to Quail. This home is ${home}.

The test mailbox
  address   ${testAddress}   (and postmaster@localhost, root@localhost, abuse@localhost)
  password  ${password}
  messages  ${home}/home/${testAccount}/Maildir/new
  reading   by POP3, at the port that the start shows; "quail passwd ${testAccount}" sets another password

First steps
  printf 'Subject: hello\\n\\nIt works.\\n' | ${home}/bin/sendmail ${testAddress}
  cat ${home}/home/${testAccount}/Maildir/new/*

Where things are
  control/   the settings, one file each; "quail config" lists and explains them
  alias/     where mail for addresses without an account goes
  queue/     messages under way; "quail queue" shows them
  log/       what each service did
  bin/       every program by its classic name: sendmail, qmail-inject, forward, ...
`;
}

function makePassword(home: string, { uid, gid }: Ids): void {
  const password = cryptoLater().randomBytes(12).toString("base64url");
  const line = [testAddress, hashPassword(password), uid, gid, `${home}/home/${testAccount}`].join(":");
  for (const [name, text] of [
    ["control/poppasswd", `${line}\n`],
    ["welcome.txt", welcomeText(home, password)],
  ] as const) {
    const path = join(home, name);
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  }
}

/** `bin/NAME` for every program, so that scripts, cron and .qmail lines find them by their classic names. */
async function linkPrograms(home: string): Promise<void> {
  const { programNames } = await import("../../index.ts");
  for (const name of programNames) {
    const path = join(home, "bin", name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && (!stat.isSymbolicLink() || readlinkSync(path) === multiCallPath)) continue;
    rmSync(path, { force: true });
    symlinkSync(multiCallPath, path);
  }
}

async function furnish(home: string, ids: Dwellers): Promise<void> {
  for (const [name, text] of Object.entries(controlFiles)) ensureFile(join(home, "control", name), text);
  // An admin's own control/ gets it from `quail cert`.
  ensureFolder(join(home, "control", "certs"), 0o755);
  await makeFirstCertificate(home, ids.certificateGid ?? null);
  for (const name of forwarded) ensureFile(join(home, "alias", `.qmail-${name}`), `&${testAddress}\n`);
  // An admin's own users/assign says who there is; the test account would be a stranger in it.
  if (existsSync(join(home, "users", "assign"))) return;
  await makeMailbox(home);
  makePassword(home, ids);
  await makeUsers(home, ids);
}

/** Makes what is missing; throws StartError. On a fresh home that nobody has set up: settings, the test account, its password. */
export async function makeHome(home: string, ids: Dwellers): Promise<void> {
  await step(`make the home ${home}`, async () => {
    const fresh = isFresh(home);
    for (const [name, mode] of folders) if (!name.startsWith("queue")) ensureFolder(join(home, name), mode);
    if (fresh) {
      writeFileSync(beginning(home), "");
      await furnish(home, ids);
      await makeDurable(home);
    }
    // The queue's folder comes last: as long as it is missing, the home is fresh and the next start completes it.
    for (const [name, mode] of folders) ensureFolder(join(home, name), mode);
    rmSync(beginning(home), { force: true });
    await linkPrograms(home);
  });
}

/** True if the test account's mailbox is in this home. */
export function hasTestAccount(home: string): boolean {
  return existsSync(join(home, "home", testAccount, "Maildir"));
}
