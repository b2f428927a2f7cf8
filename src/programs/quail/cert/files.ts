/** Where certificates and what ACME needs lie in a home, and how they get there. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { parseIdentity } from "#tls";

/** A host's name in A-labels, lower case; `*.` in front for every name one label below. */
const namePattern = /^(?=.{1,253}$)(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
export const isName = (name: string): boolean => namePattern.test(name);

/** `mx.example.org.pem`; a wildcard's `*` becomes `_`, as smtpd looks for it. */
const fileOf = (name: string): string => `${name.replace("*", "_")}.pem`;

export const classicPath = (home: string): string => join(home, "control", "servercert.pem");
export const certPath = (home: string, name: string): string => join(home, "control", "certs", fileOf(name));

/** ACME's own folder: account keys and what is to be renewed. Not below control/, which the network's services read. */
export const acmeFolder = (home: string): string => join(home, "acme");

/** Who the home's owner is, for files that root makes in it. */
function giveTo(path: string, like: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(like);
  chownSync(path, uid, gid);
}

/** Replaces a file with a key in it as a whole; owner, group and the group's right are those of the file that was there, or of servercert.pem. */
function writeKeyFile(home: string, path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  const model = [path, classicPath(home)].find((one) => existsSync(one)) ?? null;
  const temporary = join(path, "..", `.${basename(path)}.${process.pid}.tmp`);
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode: 0o600, flag: "wx", flush: true });
  giveTo(temporary, model ?? home);
  if (model !== null) chmodSync(temporary, statSync(model).mode & 0o640);
  renameSync(temporary, path);
}

/** Lays a certificate for these names: in the first one's file, to which the others' lead. */
export function layCertificate(home: string, names: readonly [string, ...string[]], pem: string): string {
  const path = certPath(home, names[0]);
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(path);
  writeKeyFile(home, path, pem);
  for (const name of names.slice(1)) {
    const other = certPath(home, name);
    const stat = lstatSync(other, { throwIfNoEntry: false });
    if (other === path || (stat !== undefined && !stat.isSymbolicLink())) continue; // Its own certificate stays.
    rmSync(other, { force: true });
    symlinkSync(fileOf(names[0]), other);
  }
  return path;
}

/** Lays control/servercert.pem. */
export function layClassic(home: string, pem: string): string {
  writeKeyFile(home, classicPath(home), pem);
  return classicPath(home);
}

/** A certificate that lies in the home, or why it cannot be used. */
export type Laid = {
  readonly path: string;
  readonly identity: ReturnType<typeof parseIdentity> | null;
  readonly problem: string | null;
};

export function readLaid(path: string): Laid {
  try {
    return { path, identity: parseIdentity(readFileSync(path, "latin1")), problem: null };
  } catch (error) {
    return { path, identity: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** All certificates of the home; links to others are left out. */
export function allLaid(home: string): readonly Laid[] {
  const folder = join(home, "control", "certs");
  const named = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^[^.].*\.pem$/.test(name))
        .sort()
    : [];
  const paths = [classicPath(home), ...named.map((name) => join(folder, name))].filter(
    (path) => existsSync(path) && !lstatSync(path).isSymbolicLink(),
  );
  return paths.map(readLaid);
}

/** A file of ACME's, its owner's alone. */
export function writeAcmeFile(home: string, name: string, text: string): void {
  const folder = acmeFolder(home);
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o700 });
    giveTo(folder, home);
  }
  const path = join(folder, name);
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode: 0o600, flag: "wx", flush: true });
  giveTo(temporary, home);
  renameSync(temporary, path);
}
