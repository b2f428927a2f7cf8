/**
 * qmail-pw2u: lines of users/assign from lines of a passwd file (spec 2.11), for machines whose mail users shall not change
 * with every account. Pure but for the question who owns a home.
 */
import { type ByteString, lowerAscii } from "#bytes";

/** What the options say. The defaults are `skip`, false, `-`, `-`. */
export type Pw2uChoices = {
  /** A missing home: skip the account (-o), stop (-h), or do not look at homes at all (-H). */
  readonly homes: "skip" | "stop" | "ignore";
  /** Names with upper case count too (-u). */
  readonly upperCase: boolean;
  /** Between user and extension (-c); "" for no extensions (-C). */
  readonly breakCharacter: string;
  /** The dash field of extensions: `-/` reads `.qmail-/ext` (-/). */
  readonly dash: "-" | "-/";
};

/** The files in `users`: lists as read by the rules of list files, null if missing. */
export type Pw2uFiles = {
  readonly include: readonly ByteString[] | null;
  readonly exclude: readonly ByteString[] | null;
  /** `user:name:name...` */
  readonly mailnames: readonly ByteString[] | null;
  /** `sub:user:pre:` */
  readonly subusers: readonly ByteString[] | null;
  /** Copied at the end, as it is. */
  readonly append: ByteString;
};

/** Owner of a home; null if it does not exist. Throws what the system says when it cannot be asked. */
export type HomeOwner = (home: ByteString) => number | null;

/** Why there is no assignment; the words after `qmail-pw2u: fatal: `. */
export type Pw2uTrouble = { readonly trouble: ByteString };

type Line = {
  readonly user: ByteString;
  readonly uid: ByteString;
  readonly gid: ByteString;
  readonly home: ByteString;
};

/** The accounts of a passwd file, root and lines that are none left out. Numbers stay text: they are copied. */
function linesOf(passwd: ByteString): readonly Line[] {
  return passwd.split("\n").flatMap((text) => {
    const [user = "", , uid = "", gid = "", , home = "", shell] = text.split(":");
    if (shell === undefined || text.includes("\0")) return [];
    // As scan_ulong reads it: what does not begin with digits is 0, the superuser's.
    const isSuperuser = !/^0*[1-9]/.test(uid);
    return isSuperuser ? [] : [{ user, uid, gid, home }];
  });
}

/** List files are looked up in any case, as all of qmail's (spec 3.1). */
const namesIn = (list: readonly ByteString[] | null): ReadonlySet<ByteString> => new Set((list ?? []).map(lowerAscii));

/** `user:name1:name2` by user; the last line of a user counts. Empty names are none. */
function mailnamesIn(list: readonly ByteString[] | null): ReadonlyMap<ByteString, readonly ByteString[]> {
  const table = new Map<ByteString, readonly ByteString[]>();
  for (const line of list ?? []) {
    const [user = "", ...names] = line.split(":");
    if (names.length > 0)
      table.set(
        lowerAscii(user),
        names.filter((name) => name !== ""),
      );
  }
  return table;
}

/** Does the account's home let it in? A trouble stops everything. */
function homeFits(line: Line, homes: Pw2uChoices["homes"], ownerOf: HomeOwner): boolean | Pw2uTrouble {
  if (homes === "ignore") return true;
  const stuck: Pw2uTrouble = { trouble: `unable to stat ${line.home}` };
  try {
    const owner = ownerOf(line.home);
    if (owner === null) return homes === "skip" ? false : stuck;
    return owner === Number.parseInt(line.uid, 10);
  } catch {
    return stuck; // What the system says goes with the home's name: neither missing nor anyone's.
  }
}

type Accounts = readonly Line[] | Pw2uTrouble;

/** The accounts that get mail, in the order of the passwd file. */
function chosen(passwd: ByteString, files: Pw2uFiles, choices: Pw2uChoices, ownerOf: HomeOwner): Accounts {
  const included = namesIn(files.include);
  const excluded = namesIn(files.exclude);
  const accounts: Line[] = [];
  for (const line of linesOf(passwd)) {
    if (!choices.upperCase && /[A-Z]/.test(line.user)) continue;
    if (files.include !== null && !included.has(lowerAscii(line.user))) continue;
    if (excluded.has(lowerAscii(line.user))) continue;
    const fits = homeFits(line, choices.homes, ownerOf);
    if (typeof fits !== "boolean") return fits;
    if (fits) accounts.push(line);
  }
  return accounts;
}

/** `=sub:...:-:pre:` and `+sub-:...:-:pre-:` for one line of subusers; lines with fewer than three colons say nothing. */
function subuserLines(
  text: ByteString,
  accounts: readonly Line[],
  { dash, breakCharacter }: Pw2uChoices,
): readonly ByteString[] | Pw2uTrouble {
  const [sub = "", user = "", pre = "", end] = text.split(":");
  if (end === undefined) return [];
  const account = accounts.find((line) => lowerAscii(line.user) === lowerAscii(user));
  if (account === undefined) return { trouble: `unable to find ${user} user for subuser ${sub}` };
  const whose = whoseOf(account);
  const exact = `=${sub}:${whose}:${dash}:${pre}:`;
  return breakCharacter === "" ? [exact] : [exact, `+${sub}${breakCharacter}:${whose}:${dash}:${pre}-:`];
}

const whoseOf = ({ user, uid, gid, home }: Line): ByteString => `${user}:${uid}:${gid}:${home}`;

/** The whole of users/assign for a passwd file, or why there is none. */
export function assignFromPasswd(
  passwd: ByteString,
  files: Pw2uFiles,
  choices: Pw2uChoices,
  ownerOf: HomeOwner,
): ByteString | Pw2uTrouble {
  const accounts = chosen(passwd, files, choices, ownerOf);
  if ("trouble" in accounts) return accounts;
  if (!accounts.some(({ user }) => user === "alias")) return { trouble: "unable to find alias user" };
  const { breakCharacter, dash } = choices;
  const mailnames = mailnamesIn(files.mailnames);
  const lines: ByteString[] = [];
  for (const account of accounts) {
    const whose = whoseOf(account);
    if (account.user === "alias") lines.push(`+:${whose}:${dash}::`);
    for (const name of mailnames.get(lowerAscii(account.user)) ?? [account.user]) {
      lines.push(`=${name}:${whose}:::`);
      if (breakCharacter !== "") lines.push(`+${name}${breakCharacter}:${whose}:${dash}::`);
    }
  }
  for (const text of files.subusers ?? []) {
    const more = subuserLines(text, accounts, choices);
    if ("trouble" in more) return more;
    lines.push(...more);
  }
  return `${lines.map((line) => `${line}\n`).join("")}${files.append}.\n`;
}
